"""Every question, in the order in which they are asked: a module each, which measures one thing.

A question is a class that is made with what was asked for (`Asked`) and satisfies `Question`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.question import Asked, Question

QUESTIONS: dict[str, Callable[[Asked], Question]] = {}
"""By name."""
ORDER = (
    "load",
    "variants",
    "commit",
    "shared_base",
    "steady",
    "drift_one_by_one",
    "drift_at_once",
    "large",
    "monorepo",
    "restart",
    "growth",
    "planes",
    "simulated",
)
"""In which they are asked."""
