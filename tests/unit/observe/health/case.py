"""One row of a table: an object's parts, the verdict it deserves and words of its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.observe.health import assess

if TYPE_CHECKING:
    from collections.abc import Mapping


def row(title: str, verdict: str, words: str, /, **parts: Any) -> Any:
    """A parameter set: `spec`, `status` and `metadata` of the object, and what is expected."""
    return pytest.param(verdict, words, parts, id=title)


def condition(type_: str, status: str = "True", reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    """One status condition."""
    return {"type": type_, "status": status, "reason": reason, "message": message, **more}


def check(kind: str, verdict: str, words: str, parts: Mapping[str, Any]) -> None:
    """The object gets that verdict, in a sentence that has those words."""
    api_version, _, name = kind.rpartition("/")
    body = {
        "apiVersion": api_version,
        "kind": name,
        **parts,
        "metadata": {"name": "one", "generation": 2, **parts.get("metadata", {})},
    }

    found = assess(body)

    assert (verdict, found.message) == (found.status.value, found.message)
    assert words in found.message
    assert found.message.endswith((".", "…")) or ":" in found.message
