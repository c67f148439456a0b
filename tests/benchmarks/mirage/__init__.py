"""Simulated clusters: API servers that hold ConfigMaps in memory, to measure what a cluster costs the controller.

They answer discovery, lists, watches, dry runs and applies as far as the controller asks for them, and nothing more:
no admission, no other field managers, no storage. What an API server costs is no part of what they are for.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.benchmarks.mirage.mirage import Mirage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Mirage", "mirages"]


@contextmanager
def mirages(directory: Path, count: int) -> Iterator[Mirage]:
    """So many clusters in a process of their own; they end with the block, and with this process."""
    mirage = Mirage(directory, count)
    mirage.start()
    try:
        yield mirage
    finally:
        mirage.stop()
