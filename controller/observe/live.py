"""Live state of one cluster, kept by watches: one per kind, only of objects that carry our owner label."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec

from controller import logs
from controller.errors import ShipslogError
from controller.model.health import Health, HealthStatus
from controller.model.labels import OWNER_LABEL
from controller.model.live import LiveView, newer
from controller.model.objects import GroupKind, ObjectId, object_id
from controller.model.run import Trigger
from controller.observe.checklist import Checker, Checklist
from controller.observe.health import assess
from controller.observe.judging import Judging
from controller.observe.own_writes import OwnWrites
from controller.observe.progress import Progress
from controller.observe.watches import Watches

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.health_check import HealthCheck
    from controller.ports import Cluster, WatchEvent

SCAN = 1.0
"""Seconds between two looks for rollouts that are stuck."""
LATE = 5.0
"""Seconds until objects are read again for a health check that could not be read."""
REMEMBERED = 3600.0
"""Seconds for which it is remembered when an object went."""
JUDGED_SOON = Health(HealthStatus.PROGRESSING, "Its health check goes on.")
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
        checker: Checker | None = None,
    ) -> None:
        self.cluster = cluster
        self._watches = Watches(
            cluster, follow=self._hear, tell=lambda owner: on_move(owner, Trigger.DRIFT), ended=self._lose_sight
        )
        self._checklist = Checklist(checker)
        self._judging = Judging(self._checklist, self._judge)
        self._writes = OwnWrites()
        self._progress = Progress()
        self._ownership = ownership
        self._on_move = on_move
        self._on_restart = on_restart
        self._views: dict[ObjectId, LiveView] = {}
        self._gone: dict[ObjectId, float] = {}
        self._listed: dict[GroupKind, set[ObjectId]] = {}
        self._attended: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self._views)

    def view(self, object_id: ObjectId) -> LiveView | None:
        """The object as last seen; None when it isn't there, or not yet seen."""
        return self._views.get(object_id)

    def gone_since(self, object_id: ObjectId) -> float | None:
        """When the watch said that the object went, in seconds since the epoch; for an hour."""
        return self._gone.get(object_id)

    def watched(self, kind: GroupKind) -> bool:
        """Whether absence of an object of this kind means that it does not exist."""
        return self._watches.synced(kind)

    async def holds(self, kinds: Collection[GroupKind], seconds: float) -> bool:
        """Wait until each of these wanted kinds is watched, or can't be; whether all are."""
        return await self._watches.hold(kinds, seconds)

    def refused(self, kind: GroupKind) -> str:
        """Why objects of this kind can't be watched, as a sentence; empty while they are."""
        return self._watches.refused(kind)

    @property
    def refusals(self) -> int:
        """How many kinds can't be watched."""
        return self._watches.refusals

    def want(self, kinds: Iterable[tuple[str, str]], owner: str = "") -> None:
        """Have these (apiVersion, kind) pairs, and no others, watched for the owner from now on.

        The owner is told when one can be watched, or can't. What nobody wants is watched on for some minutes.
        """
        self._watches.want(kinds, owner)

    def forget(self, owner: str) -> None:
        """The owner is gone, or has left this cluster: nothing is watched, judged or attended to for it any more."""
        self._watches.want((), owner)
        self._checklist.assign(owner, ())
        self._attended.pop(owner, None)

    async def fault(self, check: HealthCheck) -> str:
        """What makes a check good for no object, with the expression's name; empty for nothing."""
        return await self._checklist.fault(check)

    def check(self, owner: str, checks: Iterable[HealthCheck]) -> None:
        """Judge the owner's objects of these kinds by these checks from now on."""
        changed = self._checklist.assign(owner, checks)
        for view in self._views.values() if changed else ():
            if view.owner == owner and view.id.group_kind in changed:
                self._checklist.wait(view.id)

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
        # Its definition may have come with the same plan.
        self._watches.served(object_id(body).group_kind)

    async def run(self) -> None:
        """Keep a watch on every wanted kind, for ever."""
        async with asyncio.TaskGroup() as self._group:
            group = self._group
            group.create_task(self._check_again(), name=f"health checks {self.cluster.name}")
            group.create_task(self._watch_progress(), name=f"progress {self.cluster.name}")
            await self._watches.run(group)

    async def _hear(self, kind: GroupKind, event: WatchEvent) -> None:
        if not event.body or event.kind == "deleted":
            self._follow(kind, event)
            return
        judged = await self._judging.promptly(event.body, self._group)
        if judged.prompt:
            self._follow(kind, event, judged.health)
        else:
            self._follow(kind, event, self._before(event.body))
            self._checklist.wait(object_id(event.body), read=not judged.kept)

    def _before(self, body: Json) -> Health:
        """The health that an object had, until there is a verdict on what it is now."""
        known = self._views.get(object_id(body))
        same = known is not None and known.uid == body["metadata"]["uid"]
        return known.health if known and same else JUDGED_SOON

    def _judge(self, body: Json, health: Health | None) -> None:
        """Take in a verdict that took long, unless the object is another by now, or gone."""
        view, metadata = self._views.get(object_id(body)), body["metadata"]
        current = view and (view.uid, view.resource_version) == (metadata["uid"], metadata["resourceVersion"])
        if current and self._checklist.waits(object_id(body)):
            self._take(body, tell=True, health=health or assess(body))

    async def _check_again(self) -> None:
        """Judge objects anew whose checks changed: their bodies are not remembered, so they are read."""
        while True:
            late = False
            for id_ in self._checklist.due():
                try:
                    body = await self.cluster.get(id_, await self._watches.version(id_.group_kind))
                except ShipslogError as error:
                    late = True
                    _log.warning("health check is late", cluster=self.cluster.name, object=str(id_), error=str(error))
                    continue
                if body is not None:
                    self._take(body, tell=True, health=await self._checklist.verdict(body) or assess(body))
                self._checklist.settle(id_)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATE if late else None):
                    await self._checklist.changed.wait()

    async def _watch_progress(self) -> None:
        """Fail what makes no progress for longer than it may."""
        while True:
            await asyncio.sleep(SCAN)
            self._forget_gone()
            for id_, verdict in self._progress.late().items():
                view = self._views.get(id_)
                if view and view.health.status is HealthStatus.PROGRESSING:
                    self._views[id_] = msgspec.structs.replace(view, health=verdict)
                    self._on_move(view.owner, Trigger.HEALTH)

    def _follow(self, kind: GroupKind, event: WatchEvent, health: Health | None = None) -> None:
        match event.kind:
            case "restarted":
                self._restart(kind)
            case "synced":
                self._sweep(kind)
            case "deleted":
                self._drop(object_id(event.body))
            case _:
                self._take(event.body, tell=True, health=health)

    def _restart(self, kind: GroupKind) -> None:
        """Everything is listed anew: what the listing does not name went meanwhile."""
        self._listed[kind] = set()
        self._on_restart()

    def _sweep(self, kind: GroupKind) -> None:
        """A listing is complete: what it did not name is gone."""
        listed = self._listed.pop(kind, None)
        if listed is None:  # the first listing: what we know came from it, or from answers to our writes since
            return
        for known in [known for known in self._views if known.group_kind == kind and known not in listed]:
            self._drop(known)

    def _take(self, body: Json, *, tell: bool, health: Health | None = None) -> None:
        view = self._view_of(body, health)
        listed = self._listed.get(view.id.group_kind)
        if listed is not None:
            listed.add(view.id)
        known = self._views.get(view.id)
        if known and self._told(known, view, judged=health is not None):
            return
        if tell:
            self._checklist.settle(view.id)
            view = self._writes.doubted(body, known, view)
        else:
            view = self._learned(body, view)
        health = self._progress.judge(view.id, body, view.health)
        view = msgspec.structs.replace(view, health=health, listed=tell and self._is_old(known, view, listed))
        self._views[view.id] = view
        self._gone.pop(view.id, None)
        if tell:
            self._tell(known, view)

    def _is_old(self, known: LiveView | None, view: LiveView, listed: set[ObjectId] | None) -> bool:
        """Whether it may have stood so for long before we were told."""
        if known and (known.uid, known.resource_version) == (view.uid, view.resource_version):
            return known.listed
        return listed is not None or not self._watches.synced(view.id.group_kind)

    def _tell(self, known: LiveView | None, view: LiveView) -> None:
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
            self._gone.pop(gone, None)  # what went last stands last
            self._gone[gone] = time.time()
            self._forget_object(gone)
            self._on_move(known.owner, Trigger.DRIFT)

    def _forget_gone(self) -> None:
        """Names come and go for ever, as generated ones do: the last hour's are enough to date a drift."""
        old = time.time() - REMEMBERED
        while self._gone and next(iter(self._gone.values())) < old:
            del self._gone[next(iter(self._gone))]

    def _lose_sight(self, kind: GroupKind) -> None:
        """The kind is not watched any more: what is known of its objects is getting old."""
        self._listed.pop(kind, None)
        for known in [known for known in self._views if known.group_kind == kind]:
            del self._views[known]
            self._forget_object(known)

    def _forget_object(self, id_: ObjectId) -> None:
        self._writes.forget(id_)
        self._progress.forget(id_)
        self._checklist.settle(id_)

    def _told(self, known: LiveView, view: LiveView, *, judged: bool) -> bool:
        """Whether this is no news: as old as what is known, and not the verdict that was waited for."""
        if known.uid != view.uid or newer(view.resource_version, known.resource_version):
            return False
        awaited = judged and known.resource_version == view.resource_version and self._checklist.waits(view.id)
        return not awaited

    def _learned(self, body: Json, view: LiveView) -> LiveView:
        """The view of what we have just written; a health check's verdict comes with the watch: no write waits.

        Until then it is not healthy: a verdict on what stood before says nothing of what we wrote.
        """
        self._writes.note(view.id, body)
        if not self._checklist.of(body):
            return view
        self._checklist.wait(view.id)
        return msgspec.structs.replace(view, health=JUDGED_SOON)

    def _view_of(self, body: Json, health: Health | None) -> LiveView:
        metadata = body["metadata"]
        return LiveView(
            id=object_id(body),
            uid=metadata["uid"],
            owner=(metadata.get("labels") or {}).get(OWNER_LABEL, ""),
            ownership=self._ownership(body),
            resource_version=metadata["resourceVersion"],
            health=health or assess(body),
            seen=time.time(),
            deleting=bool(metadata.get("deletionTimestamp")),
        )
