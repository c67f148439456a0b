"""Watches of one cluster: one per wanted kind, only of objects that carry our owner label, begun anew for ever."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from controller import logs
from controller.errors import ShipslogError
from controller.model.labels import OWNER_LABEL
from controller.model.objects import GroupKind, group_of
from controller.observe.health import needs_body
from controller.ports import WatchEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from controller.ports import Cluster

RETRY = 30.0
"""Seconds until a watch that the server refused is tried again."""
RETRY_UNKNOWN = 5.0
"""Seconds until it is asked again whether a kind is served by now."""
LINGER = 300.0
"""Seconds for which a kind is watched on that nobody wants: a commit that brought it may come back."""
SWEEP = 60.0
"""Seconds between two looks for such kinds."""
_log = logs.get_logger(__name__)


class Watches:
    """Which kinds are watched, and why others are not. A kind that can't be watched costs that kind only."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        follow: Callable[[GroupKind, WatchEvent], Awaitable[None]],
        tell: Callable[[str], None],
        ended: Callable[[GroupKind], None],
    ) -> None:
        """`follow` gets every event, one by one of a kind; `tell` the owners whose kind can be watched, or can't.

        `ended` gets a kind that is not watched any more, because nobody wants it.
        """
        self._cluster = cluster
        self._follow = follow
        self._tell = tell
        self._ended = ended
        self._wanted: dict[GroupKind, str] = {}
        self._wanters: dict[GroupKind, set[str]] = {}
        self._lonely: dict[GroupKind, float] = {}
        """Kinds that nobody wants, and since when, by the monotonic clock."""
        self._synced: set[GroupKind] = set()
        self._refused: dict[GroupKind, str] = {}
        self._unserved: set[GroupKind] = set()
        """Kinds that were not served in the version that is wanted."""
        self._awake: dict[GroupKind, asyncio.Event] = {}
        self._news = asyncio.Event()
        self._since: dict[GroupKind, float] = {}
        """When each kind was first wanted, by the monotonic clock."""
        self._running = False
        self._turned = asyncio.Event()
        """Set, and another one made, whenever a kind can be watched, or can't."""

    async def hold(self, kinds: Collection[GroupKind], seconds: float) -> bool:
        """Wait until each of these wanted kinds is watched, or can't be; whether all are.

        False where one was not within so many seconds since it was first wanted, as everyone waits at the same time,
        and while nothing is watched at all.
        """
        since = max((self._since.get(kind, 0.0) for kind in kinds), default=0.0)
        try:
            async with asyncio.timeout(max(since + seconds - time.monotonic(), 0.0) if self._running else 0.0):
                while any(kind not in self._synced and kind not in self._refused for kind in kinds):
                    await self._turned.wait()
        except TimeoutError:
            return False
        return all(kind in self._synced for kind in kinds)

    def _turn(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()

    def synced(self, kind: GroupKind) -> bool:
        """Whether a watch holds, and all that stands was told of."""
        return kind in self._synced

    def refused(self, kind: GroupKind) -> str:
        """Why a kind can't be watched, as a sentence; empty while it is."""
        return self._refused.get(kind, "")

    @property
    def refusals(self) -> int:
        """How many kinds can't be watched."""
        return len(self._refused)

    def want(self, kinds: Iterable[tuple[str, str]], owner: str = "") -> None:
        """Have these (apiVersion, kind) pairs, and no others, watched for the owner from now on.

        The owner is told when one can be watched, or can't.
        """
        wanted = {GroupKind(group_of(api_version), kind): api_version for api_version, kind in kinds}
        for kind in [kind for kind, owners in self._wanters.items() if owner in owners and kind not in wanted]:
            self._leave(kind, owner)
        for kind, api_version in wanted.items():
            self._wanters.setdefault(kind, set()).add(owner)
            self._lonely.pop(kind, None)
            if kind not in self._wanted:
                self._wanted[kind] = api_version
                self._since[kind] = time.monotonic()
                self._news.set()
            elif kind not in self._synced:
                self._wanted[kind] = api_version  # the version that was wanted before may not be served

    def _leave(self, kind: GroupKind, owner: str) -> None:
        self._wanters[kind].discard(owner)
        if not self._wanters[kind]:
            del self._wanters[kind]
            self._lonely[kind] = time.monotonic()

    def served(self, kind: GroupKind) -> None:
        """An object of this kind exists: where its watch waits for another try, that is now."""
        if kind in self._awake and kind not in self._synced:
            self._awake[kind].set()

    async def version(self, kind: GroupKind) -> str:
        """The version to read a kind in: the wanted one, or where that isn't served any more the preferred one."""
        wanted = self._wanted.get(kind, "")
        if not wanted or await self._cluster.resource(wanted, kind.kind) is None:
            for resource in await self._cluster.resources():
                if GroupKind(group_of(resource.api_version), resource.kind) == kind:
                    return resource.api_version
        return wanted

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Keep a watch on every wanted kind, for ever, each in a task that `group` owns."""
        self._running = True
        for kind in list(self._synced):  # of a run before this one: what went meanwhile is known by a new listing only
            self._synced.discard(kind)
            await self._follow(kind, WatchEvent("restarted"))
        tasks: dict[GroupKind, asyncio.Task[None]] = {}
        while True:
            self._news.clear()
            for kind in self._wanted.keys() - tasks.keys():
                tasks[kind] = group.create_task(self._keep(kind), name=f"watch {self._cluster.name} {kind}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP):
                    await self._news.wait()
            left = [kind for kind, since in self._lonely.items() if time.monotonic() - since >= LINGER]
            for kind in left:
                if task := tasks.pop(kind, None):
                    task.cancel()
                    await asyncio.wait([task])
                self._end(kind)

    def _end(self, kind: GroupKind) -> None:
        """The kind is not watched any more. Where somebody has come to want it meanwhile, another watch begins."""
        if self._lonely.pop(kind, None) is not None:
            del self._wanted[kind]
        self._synced.discard(kind)
        self._unserved.discard(kind)
        self._refused.pop(kind, None)
        self._since.pop(kind, None)
        self._awake.pop(kind, None)
        self._ended(kind)

    async def _keep(self, kind: GroupKind) -> None:
        awake = self._awake[kind] = asyncio.Event()
        while True:
            awake.clear()
            pause = RETRY
            try:
                await self._watch(kind)
            except ShipslogError as error:
                if error.cause == "KindUnknown":
                    pause = RETRY_UNKNOWN
                    self._unserved.add(kind)
                self._refuse(kind, str(error))
            self._synced.discard(kind)
            await self._follow(kind, WatchEvent("restarted"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await awake.wait()

    async def _watch(self, kind: GroupKind) -> None:
        events = self._cluster.watch(
            await self.version(kind) if kind in self._unserved else self._wanted[kind],
            kind.kind,
            selector=OWNER_LABEL,
            metadata_only=not needs_body(kind.group, kind.kind),
        )
        async with contextlib.aclosing(events):
            async for event in events:
                if event.kind == "synced":
                    self._accept(kind)
                await self._follow(kind, event)

    def _accept(self, kind: GroupKind) -> None:
        self._synced.add(kind)
        self._turn()
        if self._refused.pop(kind, None):
            self._tell_wanters(kind)

    def _refuse(self, kind: GroupKind, why: str) -> None:
        """The owners hear of it once, however often it is tried."""
        if self._refused.get(kind) == why:
            return
        _log.warning("watch ended", cluster=self._cluster.name, kind=str(kind), error=why)
        self._refused[kind] = why
        self._turn()
        self._tell_wanters(kind)

    def _tell_wanters(self, kind: GroupKind) -> None:
        for owner in list(self._wanters.get(kind, ())):
            self._tell(owner)
