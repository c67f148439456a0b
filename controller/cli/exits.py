"""Exit codes: what each says, and which error leads to which."""

from __future__ import annotations

import enum
from typing import Self

from controller import errors
from controller.kube.errors import AccessError, Forbidden, KindUnknown, Unauthorized
from controller.render.errors import RenderError
from controller.tasks import DeadlineExceeded


class Exit(enum.IntEnum):
    """Every exit code of every command."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code that knows what it says."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    meaning: str

    OK = (0, "done")
    FAILED = (1, "a bad outcome: refused or suspended, the run or a check failed, an object is not healthy")
    INPUT = (2, "the command line or its input is wrong, or names what does not exist")
    UNREACHABLE = (3, "the cluster, the database or the render engine did not answer")
    TIMED_OUT = (4, "the time to wait for was over before there was an outcome")
    DENIED = (5, "the server knows you and refuses, or does not know you")
    DEFECT = (70, "a defect of shipslog itself")
    INTERRUPTED = (130, "interrupted from the keyboard")


class Stop(Exception):
    """Ends a command with a code; what there is to say was said."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code.meaning)
        self.code = code


class NotFound(errors.Terminal):
    """What the user named is not there."""


class Refused(errors.Terminal):
    """What was asked for is understood, and can't be done as things stand: an outcome, no mistake of who asked."""

    file = ""
    line = 0


_BY_ERROR: tuple[tuple[type[BaseException], Exit], ...] = (
    (DeadlineExceeded, Exit.TIMED_OUT),
    (Forbidden, Exit.DENIED),
    (Unauthorized, Exit.DENIED),
    (Refused, Exit.FAILED),
    (KindUnknown, Exit.UNREACHABLE),
    (AccessError, Exit.INPUT),
    (RenderError, Exit.INPUT),
    (errors.Terminal, Exit.INPUT),
    (errors.ShipslogError, Exit.UNREACHABLE),
    (ValueError, Exit.INPUT),
)


def first_of(error: BaseException) -> BaseException:
    """The error itself, or the first one of a group: one is enough to end a command."""
    return first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def code_of(error: BaseException) -> Exit:
    """The exit code of an error; DEFECT for one that nobody foresaw."""
    return next((code for type_, code in _BY_ERROR if isinstance(error, type_)), Exit.DEFECT)
