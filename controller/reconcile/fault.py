"""Faults of our own, as an error with a fate: what is told of them is where they are, never what they say."""

from __future__ import annotations

import traceback
from pathlib import Path

from controller.errors import Transient

_ROOT = Path(__file__).parents[1]


class InternalError(Transient):
    """Our own code broke on `what`. The text of the error may hold anything, so nobody is told it."""

    cause = "InternalError"

    def __init__(self, error: BaseException, what: str = "this Application") -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        super().__init__(
            f"the controller itself failed on {what}: {type(error).__name__} {_place(error)}",
            remedy="nothing else is affected, and it is tried again; report it with the controller's log of then",
        )


def _place(error: BaseException) -> str:
    """The last line of ours that the error came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(_ROOT):
            return f"in controller/{Path(frame.filename).relative_to(_ROOT)}, line {frame.lineno}"
    return "outside of its own code"
