"""Asks the server of one mirror: on its interval, and at once when somebody wants to know."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from controller.errors import ShipslogError
from controller.fetch.errors import GitFailure
from controller.fetch.round import Failed, Known, Round
from controller.fetch.survey import Surveyor
from controller.model.duration import seconds
from controller.tasks import deadline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from controller.fetch.errors import Cause
    from controller.fetch.mirror import Mirror
    from controller.fetch.refs import RefTable
    from controller.fetch.rewrite import Rewrite
    from controller.fetch.survey import Answer, Survey
    from controller.model.objects import Key
    from controller.model.ref import Ref
    from controller.model.repository import Repository

_FIRST_SECONDS = 1.0
"""A mirror is first polled within this time, unless somebody asks: many of them spread over it."""
_JITTER = 0.1
_LONGEST_BACKOFF = 600.0
_IDLE_SECONDS = 60.0
"""Reading processes end when nothing was read for so long."""
_CLOSE_SECONDS = 15.0
_INTEREST_SECONDS = 7 * 86400.0
"""A ref that nobody asked for in so long is fetched no more; Applications ask at least once per interval."""
_STANDING: frozenset[Cause] = frozenset(
    {"login", "password", "forbidden", "missing", "redirect", "protocol", "certificate", "size", "corrupt"}
)
"""Causes that another try seldom changes: asked for ever more seldom, so that no account is locked by us."""
NEVER = float("-inf")


class Poller:
    """One task per mirror is the only one that talks to its server; everybody else waits for its rounds."""

    def __init__(
        self,
        mirror: Mirror,
        gate: asyncio.Semaphore,
        told: Callable[[Poller, Round], None],
        rewritten: Callable[[Poller, Rewrite], Awaitable[None]],
    ) -> None:
        """`gate` bounds the conversations with one host; `told` hears of every round, `rewritten` before it."""
        self.mirror = mirror
        self.users: dict[Key, Repository] = {}
        self.wanted: dict[Ref, dict[Key, float]] = {}
        """Who asked for each ref, and when last."""
        self._noted: dict[Ref, float] = {}
        self._gate = gate
        self._told = told
        self._rewritten = rewritten
        self._untold: list[Rewrite] = []
        self._surveyor = Surveyor(mirror)
        mirror.on_corrupt = self.ask
        mirror.objects.on_absent = self.restore
        self._known: dict[Ref, Known] = {}
        self._failed: Failed | None = None
        self._failures = 0
        self._refused: dict[Ref, Failed] = {}
        """Why single refs could not be fetched at the last look, while others could."""
        self._disappointed: set[Ref] = set()
        """Refs whose askers got an error: they hear of it when there is an answer."""
        self._table: RefTable | None = None
        self._table_at = NEVER
        self._fresh = NEVER
        self._retired = False
        self._evict = self._restore = False
        self._wake = asyncio.Event()
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clock = asyncio.get_running_loop().time

    def join(self, repository: Repository, refs: Iterable[Ref] = ()) -> None:
        """Poll for this Repository, too; `refs` are what it wanted elsewhere before."""
        self.users[repository.key] = repository
        for ref in refs:
            self._note(repository.key, ref)

    def leave(self, key: Key) -> set[Ref]:
        """Poll for this Repository no more; what it wanted."""
        self.users.pop(key, None)
        refs = {ref for ref, keys in self.wanted.items() if keys.pop(key, None) is not None}
        self._drop_unwanted()
        return refs

    def retire(self) -> None:
        """When `run` ends, take the mirror's directory along."""
        self._retired = True

    def evict(self) -> None:
        """Have the mirror make room for others, unless somebody wants it meanwhile."""
        self._evict = True
        self._wake.set()

    def restore(self) -> None:
        """Have an evicted mirror fetched again."""
        self._restore = True
        self._wake.set()

    async def present(self) -> None:
        """Wait until the mirror is on disk.

        Raises:
            GitFailure: it can't be fetched.
        """
        async with deadline(4 * self.mirror.access.seconds + 60, f"fetching {self.mirror.access.url} again"):
            since = self._clock()
            while self.mirror.evicted or self._evict:
                if self.suspended:
                    raise GitFailure("stopped", "it is suspended")
                self.restore()
                await asyncio.shield(self._turn)
                if self._failed and self._failed.at >= since:
                    raise self._failed.failure

    def ask(self) -> None:
        """Look at the server now."""
        self._fresh = self._clock()
        self._wake.set()

    def who_wants(self, name: str) -> set[Key]:
        """Who wants a ref of the server that means this full name."""
        table = self._table
        refs = [ref for ref in self.wanted if ref.commit is None and table is not None and table.name_of(ref) == name]
        return {key for ref in refs for key in self.wanted[ref]}

    def refused(self, key: Key) -> GitFailure | None:
        """Why a ref that it wants could not be fetched at the last look, where that ref is the only reason."""
        return next((failed.failure for ref, failed in self._refused.items() if key in self.wanted.get(ref, ())), None)

    async def answer(self, key: Key, ref: Ref, fresh_since: float | None) -> Answer:
        """What the ref means: as known when the server was asked after `fresh_since`, else it is asked now.

        Raises:
            GitFailure: the server can't be asked, or the poller ends.
            DeadlineExceeded: other conversations with the host take too long.
        """
        noted = self._note(key, ref)
        async with deadline(4 * self.mirror.access.seconds + 60, f"asking for {self.mirror.access.url}"):
            while True:
                known = self._known.get(ref)
                if known and self._is_fresh(ref, known, fresh_since):
                    return known.answer
                failed = self._failed or self._refused.get(ref)
                if failed and failed.at >= (noted if fresh_since is None else fresh_since):
                    self._disappointed.add(ref)
                    raise failed.failure
                if self.suspended:
                    raise GitFailure("stopped", "it is suspended")
                if fresh_since is not None:
                    self._fresh = max(self._fresh, fresh_since)
                self._wake.set()
                await asyncio.shield(self._turn)

    async def run(self, predecessor: asyncio.Task[None] | None = None) -> None:
        """Poll until cancelled, then end the mirror's processes. `predecessor` works in the same directory still."""
        try:
            if predecessor is not None:
                await asyncio.wait({predecessor})
            await self._pause(random.uniform(0, _FIRST_SECONDS))  # noqa: S311 - jitter
            while True:
                await self._take_turn()
                await self._pause(self._delay())
        finally:
            self._failed = Failed(GitFailure("stopped", "the Repository is read no more"), float("inf"))
            self._known.clear()
            self._turn.set_result(None)
            with suppress(TimeoutError, GitFailure):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self.mirror.close()
                    if self._retired:
                        await self.mirror.discard()

    @property
    def suspended(self) -> bool:
        """Whether nobody wants the server to be asked."""
        return all(user.spec.suspend for user in self.users.values())

    def _is_fresh(self, ref: Ref, known: Known, fresh_since: float | None) -> bool:
        immutable = ref.commit is not None and known.answer.revision is not None
        return immutable or fresh_since is None or known.at >= fresh_since

    def _note(self, key: Key, ref: Ref) -> float:
        """Remember who wants the ref; since when anybody does."""
        now = self._clock()
        self.wanted.setdefault(ref, {})[key] = now
        return self._noted.setdefault(ref, now)

    def _drop_unwanted(self) -> None:
        oldest = self._clock() - _INTEREST_SECONDS
        for ref, keys in list(self.wanted.items()):
            if not any(asked > oldest for asked in keys.values()):
                del self.wanted[ref], self._noted[ref]
                self._known.pop(ref, None)
                self._disappointed.discard(ref)

    def _delay(self) -> float:
        """Seconds until the next look."""
        intervals = [seconds(user.spec.interval) for user in self.users.values() if not user.spec.suspend]
        if not intervals:
            return _LONGEST_BACKOFF
        interval = max(0.1, min(intervals))
        if self._failed and self._failed.failure.cause in _STANDING:
            interval = max(interval, min(_LONGEST_BACKOFF, interval * 2 ** min(self._failures - 1, 16)))
        return interval * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter

    async def _pause(self, delay: float) -> None:
        """Wait for the time or for somebody who asks; meanwhile end what is idle."""
        due = self._clock() + delay
        while (left := due - self._clock()) > 0 and not self._wake.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _IDLE_SECONDS)):
                    await self._wake.wait()
            if self._clock() - self.mirror.objects.used > _IDLE_SECONDS:
                await self.mirror.objects.rest()
        if not self._wake.is_set():
            self._fresh = self._clock()
        self._wake.clear()

    async def _take_turn(self) -> None:
        turn, self._turn = self._turn, asyncio.get_running_loop().create_future()
        try:
            await self._make_room()
            if not self.suspended:
                async with self._gate:
                    self._told(self, await self._round())
        finally:
            turn.set_result(None)

    async def _make_room(self) -> None:
        evict, self._evict = self._evict, False
        if evict and not self._restore and not self.mirror.evicted:
            with suppress(GitFailure):
                await self.mirror.evict()

    async def _round(self) -> Round:
        self._drop_unwanted()
        wanted, started = set(self.wanted), self._clock()
        table = None if self._must_list(wanted) else self._table
        try:
            restore, self._restore = self._restore, False
            if restore and self.mirror.evicted:
                self._surveyor.remember()
                await self.mirror.restore()
            survey = await self._surveyor.look(wanted, table)
            if survey.listed:
                self._table, self._table_at = survey.table, started
            await self._tell_rewrites(survey)
        except GitFailure as failure:
            self._failed = Failed(failure, started)
            self._failures += 1
            await self._fall_back(wanted)
            return Round(None, failure, frozenset(), self._clock() - started)
        moved = frozenset(ref for ref, answer in survey.answers.items() if self._has_moved(ref, answer))
        self._known.update({ref: Known(answer, self._table_at) for ref, answer in survey.answers.items()})
        self._disappointed -= set(survey.answers)
        self._failed, self._failures = None, 0
        self._refused = {ref: Failed(failure, started) for ref, failure in survey.failures.items()}
        await self._fall_back(set(survey.failures))
        return Round(survey, None, moved, self._clock() - started)

    async def _tell_rewrites(self, survey: Survey) -> None:
        """Tell of rewritten history before anybody is answered with it; what can't be told now is told next time."""
        self._untold += survey.rewrites
        try:
            while self._untold:
                await self._rewritten(self, self._untold[0])
                del self._untold[0]
        except ShipslogError as error:
            raise GitFailure("record", str(error)) from error

    def _must_list(self, wanted: set[Ref]) -> bool:
        """Whether the refs that we know are too old to answer everybody."""
        table = self._table
        if table is None or self._failed is not None or self._table_at < self._fresh:
            return True
        return any(
            # A range is looked up on a thread, with what the server has now.
            ref.commit is None
            and self._noted[ref] > self._table_at
            and (ref.semver is not None or not table.name_of(ref))
            for ref in wanted
        )

    def _has_moved(self, ref: Ref, answer: Answer) -> bool:
        known = self._known.get(ref)
        if ref in self._disappointed:
            return True
        return known is not None and known.answer.revision != answer.revision

    async def _fall_back(self, wanted: set[Ref]) -> None:
        """Answer from what an earlier run left in the mirror; never over what this run has heard."""
        unanswered = wanted - set(self._known)
        with suppress(GitFailure):
            for ref, answer in (await self._surveyor.remembered(unanswered)).items():
                self._known[ref] = Known(answer, NEVER)
