"""Waiting for the state of the world, with a deadline and a word on what it was instead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Found = TypeVar("_Found")


class NeverCameTrueError(AssertionError):
    """The deadline passed."""


def eventually(look: Callable[[], _Found], what: str, *, seconds: float = 30.0, pause: float = 0.02) -> _Found:
    """Look again and again until the answer is truthy; gives it. Raises NeverCameTrueError with the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise NeverCameTrueError(f"{what}: not within {seconds:g} s; last seen: {found!r}")
        time.sleep(pause)
