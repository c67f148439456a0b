"""What is told of Repositories: whether they can be read, what moved, and history that was rewritten."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from controller.fetch.failure import error_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controller.errors import ShipslogError
    from controller.fetch.poller import Poller
    from controller.fetch.rewrite import Rewrite
    from controller.fetch.round import Round
    from controller.fetch.survey import Survey
    from controller.model.objects import Key

PollResult = Literal["moved", "unchanged", "failed"]


class RepositoryState(msgspec.Struct, frozen=True):
    """What polling found out about a Repository."""

    reachable: bool
    refs: int = 0
    """Branches and tags that the server has."""
    head: str = ""
    """Object id of the default branch's head."""
    last_fetch: str = ""
    """When something was last fetched, RFC 3339 in UTC; empty when not by this process."""
    error: ShipslogError | None = None
    """Why it can't be read, with its fate."""

    def says(self) -> tuple[object, ...]:
        """What a reader sees of it: errors of the same words are the same."""
        return (self.reachable, self.refs, self.head, self.last_fetch, type(self.error), str(self.error or ""))


def _nothing(*_: object) -> None:
    """Nobody listens."""


async def _soon_nothing(*_: object) -> None:
    """Nobody listens."""


@dataclasses.dataclass
class Listeners:
    """Who hears of what. All are called on the event loop and must not block it."""

    on_change: Callable[[Key], None] = _nothing
    """A ref that somebody wants of this Repository moved, appeared, or went away."""
    on_state: Callable[[Key, RepositoryState], None] = _nothing
    """A poll found something else than the one before."""
    on_rewrite: Callable[[Key, Rewrite], Awaitable[None]] = _soon_nothing
    """History was rewritten: a branch was pushed with force, or a tag was moved. Nobody is answered with the new commit
    before this has returned; where it raises a ShipslogError it is called again."""
    on_poll: Callable[[PollResult, float], None] = _nothing
    """A look at a server ended, after so many seconds."""


class News:
    """Brings what the rounds of all pollers find to the listeners; what a Repository's state was, it remembers."""

    def __init__(self, listeners: Listeners) -> None:
        self.listeners = listeners
        self._states: dict[Key, RepositoryState] = {}

    def tell(self, poller: Poller, round_: Round) -> None:
        """Tell of a round, whatever it brought."""
        result: PollResult = "failed" if round_.failure else "moved" if round_.moved else "unchanged"
        self.listeners.on_poll(result, round_.seconds)
        for key in list(poller.users):
            self._tell_state(poller, key, round_)
        for key in {key for ref in round_.moved for key in poller.wanted.get(ref, ())}:
            self.listeners.on_change(key)

    async def rewritten(self, poller: Poller, rewrite: Rewrite) -> None:
        """Tell of rewritten history; raises what the listener raises."""
        for key in poller.who_wants(rewrite.ref):
            await self.listeners.on_rewrite(key, rewrite)

    def forget(self, key: Key) -> None:
        """The Repository is read no more, or elsewhere: its next state is news."""
        self._states.pop(key, None)

    def _tell_state(self, poller: Poller, key: Key, round_: Round) -> None:
        before = self._states.get(key)
        failure = round_.failure or poller.refused(key)
        error = error_of(failure, poller.users[key]) if failure else None
        if error is not None:
            known = before or RepositoryState(reachable=False)
            state = msgspec.structs.replace(known, reachable=False, error=error)
        else:
            assert round_.survey is not None  # noqa: S101 - without a failure there is one
            state = _read(round_.survey, before)
        if before is None or before.says() != state.says():
            self._states[key] = state
            self.listeners.on_state(key, state)


def _read(survey: Survey, before: RepositoryState | None) -> RepositoryState:
    """The state of a Repository whose server answered."""
    table = survey.table
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    last = now if survey.fetched else before.last_fetch if before else ""
    return RepositoryState(True, len(table.refs), table.id_of(table.head) if table.head else "", last)
