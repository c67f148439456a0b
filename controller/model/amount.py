"""Numbers of things in sentences."""

from __future__ import annotations


def amount(number: int, singular: str) -> str:
    """The number with its noun: `1 object`, `2 objects`; for nouns that take an s."""
    return f"{number} {singular}" if number == 1 else f"{number} {singular}s"
