"""Fetches what somebody wants into a mirror. What takes too much fails alone: others share the mirror."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.errors import GitFailure
from controller.fetch.plan import EVERYTHING, local_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from controller.fetch.errors import Cause
    from controller.fetch.mirror import Mirror
    from controller.fetch.plan import FetchPlan
    from controller.fetch.refs import RefTable

ALONE: dict[Cause, float] = {"size": 3600.0, "timeout": 60.0}
"""Causes that may be one ref's own, and for how many seconds it is not tried again while it does not move."""
_COMPACT_AGAIN = 3600.0
"""Seconds between two attempts to make room in a mirror."""
_STALLED = 3
"""So many fetches without an end, and none with one: it is the server's doing, not a ref's."""


class _Refused(NamedTuple):
    """What took too much, and what it meant then."""

    state: str
    until: float
    failure: GitFailure


class Fetcher:
    """Brings refs and commits into one mirror; used by one task."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._refused: dict[str, _Refused] = {}
        """By the server's name of a ref, or by a commit's id."""
        self._searched: dict[str, str] = {}
        """Commits that were searched in everything the server had, by the state of its refs then."""
        self._compacted = float("-inf")
        self._clock = asyncio.get_running_loop().time

    async def refs(self, planned: FetchPlan, table: RefTable, keep: Collection[str]) -> dict[str, GitFailure]:
        """Fetch the planned refs; which of them could not be, by the server's names, and why.

        `keep`: our names of all that is wanted; the rest may make room for it.

        Raises:
            GitFailure: by cause; `timeout` only where nothing tells that it is one ref's own.
        """
        refspecs = {refspec.partition(":")[0].removeprefix("+"): refspec for refspec in planned.refspecs}
        refused = {name: why for name in refspecs if (why := self._known(name, table.id_of(name)))}
        order = sorted(refspecs, key=lambda name: _rank(name, self._mirror.have, table.head))
        left = {name: refspecs[name] for name in order if name not in refused}
        try:
            if left or planned.gone:
                await self._mirror.fetch(tuple(left.values()), planned.gone)
        except GitFailure as failure:
            if failure.cause not in ALONE or (failure.cause == "timeout" and len(keep) == 1):
                raise
            alone = await self._apart(left, failure, keep)
            refused |= {name: self._refuse(name, table.id_of(name), why) for name, why in alone.items()}
        return refused

    async def commit(self, sha: str, table: RefTable, keep: Collection[str]) -> bool:
        """Get a commit by its id, or else from among everything the server has; whether something was fetched.

        Raises:
            GitFailure: by cause; those of `ALONE` are this commit's own.
        """
        mirror = self._mirror
        if await mirror.commit(sha) is not None:
            await mirror.pin(sha)
            return False
        state = str(hash(frozenset(table.refs.items())))
        if refused := self._known(sha, state):
            raise refused
        if self._searched.get(sha) == state:
            return False
        try:
            await self._search(sha, keep)
        except GitFailure as failure:
            raise (self._refuse(sha, state, failure) if failure.cause in ALONE else failure) from None
        if await mirror.commit(sha) is not None:
            await mirror.pin(sha)
        else:  # a mirror that is lost meanwhile must be able to get it again
            self._searched[sha] = state
        return True

    async def _search(self, sha: str, keep: Collection[str]) -> None:
        try:
            await self._mirror.fetch([f"+{sha}:refs/shipslog/commits/{sha}"])
        except GitFailure as failure:
            if failure.cause == "object":
                await self._mirror.fetch(EVERYTHING, [name for name in self._mirror.have if name.startswith("all/")])
            elif failure.cause == "size" and self._may_compact():
                await self._mirror.compact(keep)
                await self._search(sha, keep)
            else:
                raise

    async def _apart(
        self, refspecs: Mapping[str, str], failure: GitFailure, keep: Collection[str]
    ) -> dict[str, GitFailure]:
        """Fetch one by one what was too much together; what is too much alone, too, and why."""
        found = dict.fromkeys(refspecs, failure) if len(refspecs) == 1 else await self._one_by_one(refspecs)
        if any(why.cause == "size" for why in found.values()) and self._may_compact():
            await self._mirror.compact(keep)
            found = await self._one_by_one({name: refspecs[name] for name in found}, replace=True)
        return found

    async def _one_by_one(self, refspecs: Mapping[str, str], *, replace: bool = False) -> dict[str, GitFailure]:
        found: dict[str, GitFailure] = {}
        for tries, (name, refspec) in enumerate(refspecs.items(), 1):
            try:
                await self._mirror.fetch([refspec], replace=replace)
            except GitFailure as failure:
                found[name] = failure
                if failure.cause not in ALONE or (tries == _STALLED and _all_late(found, tries)):
                    raise
        return found

    def _may_compact(self) -> bool:
        """Whether it was long ago that room was made in the mirror; it is now."""
        due = self._clock() >= self._compacted + _COMPACT_AGAIN
        if due:
            self._compacted = self._clock()
        return due

    def _known(self, name: str, state: str) -> GitFailure | None:
        known = self._refused.get(name)
        if known and known.state == state and self._clock() < known.until:
            return known.failure
        self._refused.pop(name, None)
        return None

    def _refuse(self, name: str, state: str, failure: GitFailure) -> GitFailure:
        told = GitFailure(failure.cause, f"{name}: {failure.detail}")
        self._refused[name] = _Refused(state, self._clock() + ALONE[failure.cause], told)
        return told


def _all_late(found: Mapping[str, GitFailure], tries: int) -> bool:
    return len(found) == tries and all(why.cause == "timeout" for why in found.values())


def _rank(name: str, had: Collection[str], head: str) -> tuple[bool, int, str]:
    """Who comes first where there is no room for all: what was there before, then what only committers can push."""
    order = (name == head, name.startswith("refs/heads/"), name.startswith("refs/tags/"), True)
    return local_name(name) not in had, order.index(True), name
