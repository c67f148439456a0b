"""Live state of one cluster, kept by watches: one per kind, only of objects that carry our owner label."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec

from controller import logs
from controller.errors import ShipslogError
from controller.model.health import Health, HealthStatus
from controller.model.labels import OWNER_LABEL
from controller.model.live import LiveView, newer
from controller.model.objects import GroupKind, ObjectId, group_of, object_id
from controller.model.run import Trigger
from controller.observe.health import assess, needs_body
from controller.observe.progress import Progress

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.health_check import HealthCheck
    from controller.ports import Cluster, WatchEvent

RETRY = 30.0
"""Seconds until a watch that the server refused is tried again."""
RETRY_UNKNOWN = 5.0
"""Seconds until it is asked again whether a kind is served by now."""
BLIND = 2.0
"""Seconds after a write of ours in which managedFields, whose times are whole seconds, may not tell of another one."""
SCAN = 1.0
"""Seconds between two looks for rollouts that are stuck."""
_log = logs.get_logger(__name__)


class Digester(Protocol):
    """Digest of our managedFields entry (the rule is diff's, and is handed in)."""

    def __call__(self, body: Json) -> str:
        """The digest; empty when we own nothing."""
        ...


OnMove = Callable[[str, Trigger], None]
"""Called with an owner label's value when one of its objects moved, and why that matters."""


class Checker(Protocol):
    """Evaluates health checks (`controller.observe.checks.Evaluator`)."""

    async def health(self, check: HealthCheck, body: Json) -> Health:
        """The verdict; never raises."""
        ...

    async def fault(self, check: HealthCheck) -> str:
        """What makes the check good for no object; never raises."""
        ...


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
        self._checker = checker
        self._checks: dict[str, dict[GroupKind, HealthCheck]] = {}
        self._unchecked: set[ObjectId] = set()
        """Objects whose health check is to be evaluated on what the watch tells next, or on a GET."""
        self._refused: dict[GroupKind, str] = {}
        self._unserved: set[GroupKind] = set()
        """Kinds that were not served in the version that is wanted."""
        self._wanters: dict[GroupKind, set[str]] = {}
        self._written: dict[ObjectId, tuple[float, int]] = {}
        """When we wrote an object, on the monotonic clock, and its generation after that."""
        self._progress = Progress()
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
        self._recheck = asyncio.Event()

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

    def refused(self, kind: GroupKind) -> str:
        """Why objects of this kind can't be watched, as a sentence; empty while they are."""
        return self._refused.get(kind, "")

    @property
    def refusals(self) -> int:
        """How many kinds can't be watched."""
        return len(self._refused)

    def want(self, kinds: Iterable[tuple[str, str]], owner: str = "") -> None:
        """Have these (apiVersion, kind) pairs watched from now on; the owner is told when one can be, or can't."""
        for api_version, kind in kinds:
            group_kind = GroupKind(group_of(api_version), kind)
            if owner:
                self._wanters.setdefault(group_kind, set()).add(owner)
            if group_kind not in self._wanted:
                self._wanted[group_kind] = api_version
                self._news.set()
            elif group_kind not in self._synced:
                self._wanted[group_kind] = api_version  # the version that was wanted before may not be served

    async def fault(self, check: HealthCheck) -> str:
        """What makes a check good for no object, with the expression's name; empty for nothing."""
        return await self._checker.fault(check) if self._checker else ""

    def check(self, owner: str, checks: Iterable[HealthCheck]) -> None:
        """Judge the owner's objects of these kinds by these checks from now on."""
        wanted = {check.group_kind: check for check in checks}
        known = self._checks.get(owner, {})
        if wanted == known:
            return
        changed = {kind for kind in {*wanted, *known} if wanted.get(kind) != known.get(kind)}
        if wanted:
            self._checks[owner] = wanted
        else:
            self._checks.pop(owner, None)
        for view in self._views.values():
            if view.owner == owner and view.id.group_kind in changed:
                self._unchecked.add(view.id)
        self._recheck.set()

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
            group.create_task(self._check_again(), name=f"health checks {self.cluster.name}")
            group.create_task(self._watch_progress(), name=f"progress {self.cluster.name}")
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
            pause = RETRY
            try:
                await self._watch(kind)
            except ShipslogError as error:
                if error.cause == "KindUnknown":
                    pause = RETRY_UNKNOWN
                    self._unserved.add(kind)
                self._refuse(kind, str(error))
            self._synced.discard(kind)
            self._restart(kind)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await awake.wait()

    def _refuse(self, kind: GroupKind, why: str) -> None:
        """A kind can't be watched: that costs this kind, and its owners hear of it once."""
        if self._refused.get(kind) == why:
            return
        _log.warning("watch ended", cluster=self.cluster.name, kind=str(kind), error=why)
        self._refused[kind] = why
        self._tell_wanters(kind)

    def _tell_wanters(self, kind: GroupKind) -> None:
        for owner in self._wanters.get(kind, ()):
            self._on_move(owner, Trigger.DRIFT)

    async def _version(self, kind: GroupKind) -> str:
        """The version to watch: the wanted one, or where it is not served any more the group's preferred one."""
        wanted = self._wanted[kind]
        if await self.cluster.resource(wanted, kind.kind) is None:
            for resource in await self.cluster.resources():
                if GroupKind(group_of(resource.api_version), resource.kind) == kind:
                    return resource.api_version
        return wanted

    async def _watch(self, kind: GroupKind) -> None:
        events = self.cluster.watch(
            await self._version(kind) if kind in self._unserved else self._wanted[kind],
            kind.kind,
            selector=OWNER_LABEL,
            metadata_only=not needs_body(kind.group, kind.kind),
        )
        async with contextlib.aclosing(events):
            async for event in events:
                health = await self._checked(event.body) if event.body and event.kind != "deleted" else None
                self._follow(kind, event, health)

    async def _checked(self, body: Json) -> Health | None:
        """The verdict of the health check that its owner has for the kind; None where there is none."""
        check = self._check_of(body)
        return await self._checker.health(check, body) if check and self._checker else None

    def _check_of(self, body: Json) -> HealthCheck | None:
        owner = (body["metadata"].get("labels") or {}).get(OWNER_LABEL, "")
        return self._checks[owner].get(object_id(body).group_kind) if owner in self._checks else None

    async def _check_again(self) -> None:
        """Judge objects anew whose checks changed: their bodies are not remembered, so they are read."""
        while True:
            self._recheck.clear()
            for id_ in sorted(self._unchecked):
                try:
                    body = await self.cluster.get(id_, await self._version(id_.group_kind))
                except ShipslogError as error:
                    _log.warning("health check is late", cluster=self.cluster.name, object=str(id_), error=str(error))
                    continue
                if body is not None:
                    self._take(body, tell=True, health=await self._checked(body) or assess(body))
                self._unchecked.discard(id_)
            await self._recheck.wait()

    async def _watch_progress(self) -> None:
        """Fail what makes no progress for longer than it may."""
        while True:
            await asyncio.sleep(SCAN)
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
        self._synced.add(kind)
        if self._refused.pop(kind, None):
            self._tell_wanters(kind)
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
        view = self._doubted(body, known, view) if tell else self._learned(body, known, view)
        view = msgspec.structs.replace(view, health=self._progress.judge(view.id, body, view.health))
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
            self._written.pop(gone, None)
            self._progress.forget(gone)
            self._unchecked.discard(gone)
            self._on_move(known.owner, Trigger.DRIFT)

    def _told(self, known: LiveView, view: LiveView, *, judged: bool) -> bool:
        """Whether this is no news: as old as what is known, and not the verdict that was waited for."""
        if known.uid != view.uid or newer(view.resource_version, known.resource_version):
            return False
        awaited = judged and known.resource_version == view.resource_version and view.id in self._unchecked
        return not awaited

    def _learned(self, body: Json, known: LiveView | None, view: LiveView) -> LiveView:
        """The view of what we have just written; a health check's verdict comes with the watch: no write waits."""
        self._written[view.id] = (time.monotonic(), body["metadata"].get("generation", 0))
        if not self._check_of(body):
            return view
        self._unchecked.add(view.id)
        before = known.health if known and known.uid == view.uid else Health(HealthStatus.PROGRESSING)
        return msgspec.structs.replace(view, health=before)

    def _doubted(self, body: Json, known: LiveView | None, view: LiveView) -> LiveView:
        """The view; under another digest where a write in our name, within the second of our own, left none."""
        self._unchecked.discard(view.id)
        at, generation = self._written.get(view.id, (0.0, 0))
        if known is None or known.uid != view.uid or known.ownership != view.ownership:
            self._written.pop(view.id, None)
            return view
        if not at or time.monotonic() - at > BLIND:
            return view
        found = body["metadata"].get("generation", 0)
        if found and found == generation:
            return view  # a status
        self._written[view.id] = (at, found)
        return msgspec.structs.replace(view, ownership=f"{view.ownership}?")

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
