"""What a look at a server brought to those who asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from controller.fetch.errors import GitFailure
    from controller.fetch.survey import Answer, Survey
    from controller.model.ref import Ref


class Known(NamedTuple):
    """An answer and when the server was asked, by the loop's clock."""

    answer: Answer
    at: float


class Failed(NamedTuple):
    """Why the last look failed, and when it began."""

    failure: GitFailure
    at: float


class Round(NamedTuple):
    """What a look at the server changed."""

    survey: Survey | None
    failure: GitFailure | None
    moved: frozenset[Ref]
    seconds: float
