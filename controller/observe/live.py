"""Live state of one cluster, kept by watches: one per kind, only of objects that carry our owner label."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from controller import logs
from controller.errors import ShipslogError
from controller.model.labels import OWNER_LABEL
from controller.model.live import LiveView, newer
from controller.model.objects import GroupKind, ObjectId, group_of, object_id
from controller.model.run import Trigger
from controller.observe.health import assess, needs_body

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.ports import Cluster, WatchEvent

RETRY = 30.0
"""Seconds until a watch that the server refused is tried again."""

_log = logs.get_logger(__name__)


class Digester(Protocol):
    """Digest of our managedFields entry (the rule is diff's, and is handed in)."""

    def __call__(self, body: Json) -> str:
        """The digest; empty when we own nothing."""
        ...


OnMove = Callable[[str, Trigger], None]
"""Called with an owner label's value when one of its objects moved, and why that matters."""


class LiveState:
    """What stands in one cluster. Reading never waits; `run` keeps it true."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        ownership: Digester,
        on_move: OnMove,
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self.cluster = cluster
        self._ownership = ownership
        self._on_move = on_move
        self._on_restart = on_restart
        self._views: dict[ObjectId, LiveView] = {}
        self._gone: dict[ObjectId, float] = {}
        self._wanted: dict[GroupKind, str] = {}
        self._synced: set[GroupKind] = set()
        self._listed: dict[GroupKind, set[ObjectId]] = {}
        self._awake: dict[GroupKind, asyncio.Event] = {}
        self._attended: dict[str, frozenset[str]] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._views)

    def view(self, object_id: ObjectId) -> LiveView | None:
        """The object as last seen; None when it isn't there, or not yet seen."""
        return self._views.get(object_id)

    def gone_since(self, object_id: ObjectId) -> float | None:
        """When the watch said that the object went, in seconds since the epoch."""
        return self._gone.get(object_id)

    def watched(self, kind: GroupKind) -> bool:
        """Whether absence of an object of this kind means that it does not exist."""
        return kind in self._synced

    def want(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Have these (apiVersion, kind) pairs watched from now on."""
        for api_version, kind in kinds:
            group_kind = GroupKind(group_of(api_version), kind)
            if group_kind not in self._wanted:
                self._wanted[group_kind] = api_version
                self._news.set()

    def attend(self, owner: str, objects: frozenset[str]) -> None:
        """Tell of every change to these objects of an owner: they have drifted, and any change may end it.

        A foreign write that takes back another foreign write leaves our managedFields entry as it is.
        """
        if objects:
            self._attended[owner] = objects
        else:
            self._attended.pop(owner, None)

    def learn(self, body: Json) -> None:
        """Take in a server's answer to a write of ours, ahead of the watch."""
        self._take(body, tell=False)
        kind = object_id(body).group_kind
        if kind in self._awake and kind not in self._synced:
            self._awake[kind].set()  # the kind is served by now: its definition may have come with the same plan

    async def run(self) -> None:
        """Keep a watch on every wanted kind, for ever."""
        started: set[GroupKind] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for kind in self._wanted.keys() - started:
                    started.add(kind)
                    group.create_task(self._keep(kind), name=f"watch {self.cluster.name} {kind}")
                await self._news.wait()

    async def _keep(self, kind: GroupKind) -> None:
        awake = self._awake[kind] = asyncio.Event()
        while True:
            awake.clear()
            try:
                await self._watch(kind)
            except ShipslogError as error:
                _log.warning("watch ended", cluster=self.cluster.name, kind=str(kind), error=str(error))
            self._synced.discard(kind)
            self._restart(kind)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY):
                    await awake.wait()

    async def _watch(self, kind: GroupKind) -> None:
        events = self.cluster.watch(
            self._wanted[kind],
            kind.kind,
            selector=OWNER_LABEL,
            metadata_only=not needs_body(kind.group, kind.kind),
        )
        async with contextlib.aclosing(events):
            async for event in events:
                self._follow(kind, event)

    def _follow(self, kind: GroupKind, event: WatchEvent) -> None:
        match event.kind:
            case "restarted":
                self._restart(kind)
            case "synced":
                self._sweep(kind)
            case "deleted":
                self._drop(object_id(event.body))
            case _:
                self._take(event.body, tell=True)

    def _restart(self, kind: GroupKind) -> None:
        """Everything is listed anew: what the listing does not name went meanwhile."""
        self._listed[kind] = set()
        self._on_restart()

    def _sweep(self, kind: GroupKind) -> None:
        """A listing is complete: what it did not name is gone."""
        self._synced.add(kind)
        listed = self._listed.pop(kind, None)
        if listed is None:  # the first listing: what we know came from it, or from answers to our writes since
            return
        for known in [known for known in self._views if known.group_kind == kind and known not in listed]:
            self._drop(known)

    def _take(self, body: Json, *, tell: bool) -> None:
        view = self._view_of(body)
        listed = self._listed.get(view.id.group_kind)
        if listed is not None:
            listed.add(view.id)
        known = self._views.get(view.id)
        if known and known.uid == view.uid and not newer(view.resource_version, known.resource_version):
            return
        self._views[view.id] = view
        self._gone.pop(view.id, None)
        if not tell:
            return
        if known and known.owner != view.owner:
            self._on_move(known.owner, Trigger.DRIFT)
        if known is None or (known.ownership, known.deleting) != (view.ownership, view.deleting):
            self._on_move(view.owner, Trigger.DRIFT)
        elif known.health != view.health:
            self._on_move(view.owner, Trigger.HEALTH)
        elif str(view.id) in self._attended.get(view.owner, ()):
            self._on_move(view.owner, Trigger.DRIFT)

    def _drop(self, gone: ObjectId) -> None:
        known = self._views.pop(gone, None)
        if known is not None:
            self._gone[gone] = time.time()
            self._on_move(known.owner, Trigger.DRIFT)

    def _view_of(self, body: Json) -> LiveView:
        metadata = body["metadata"]
        return LiveView(
            id=object_id(body),
            uid=metadata["uid"],
            owner=(metadata.get("labels") or {}).get(OWNER_LABEL, ""),
            ownership=self._ownership(body),
            resource_version=metadata["resourceVersion"],
            health=assess(body),
            seen=time.time(),
            deleting=bool(metadata.get("deletionTimestamp")),
        )
