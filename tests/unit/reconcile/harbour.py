"""A loop in a nutshell: one Application, one repository, one cluster, all of them in memory, and the real stages."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
from typing import TYPE_CHECKING, Any

import msgspec

from controller.diff.ownership import ownership_digest
from controller.errors import NotReady, ShipslogError
from controller.metrics import Metrics
from controller.model.canonical import digest
from controller.model.labels import API_VERSION, FINALIZER, MANAGER
from controller.model.objects import Key, ObjectId, object_id
from controller.model.revision import Revision
from controller.model.run import Trigger
from controller.observe.live import LiveState
from controller.ports import Resource
from controller.reconcile.announce import Announcer
from controller.reconcile.fleet import Target
from controller.reconcile.loop import advance
from controller.reconcile.moment import rfc3339
from controller.reconcile.queue import KeyQueue, Work
from controller.reconcile.registry import Registry
from controller.reconcile.rooms import Rooms
from controller.record.body import Stamp, compose
from controller.render.request import Rendered, RenderedObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.base import Json
    from controller.model.event import Draft, Event, EventType
    from controller.reconcile.queue import Fate

SHOP = Key("team-pay", "shop")
_APPLICATION = ObjectId("shipslog.dev", "Application", SHOP.namespace, SHOP.name)


class Waters:
    """An API server as far as the loop can tell: objects, server-side apply by whole objects, merge patches."""

    name = "in-cluster"

    def __init__(self) -> None:
        self.objects: dict[ObjectId, Json] = {}
        self.refuse: Callable[[ObjectId, bool], ShipslogError | None] = lambda _id, _dry: None
        """What an apply of this object meets, in a dry run or not."""
        self.refuse_unforced: ShipslogError | None = None
        """What an apply meets that takes nothing from others."""
        self.writes: list[str] = []
        self._versions = itertools.count(1)

    async def version(self) -> str:
        """As a server says it."""
        return "v1.36.3"

    async def api_versions(self) -> list[str]:
        """Nobody asks for more."""
        return ["v1"]

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Every kind is served and namespaced."""
        return Resource(api_version, kind, f"{kind.lower()}s", namespaced=True)

    def forget(self, _: object = None) -> None:
        """There is nothing to forget."""

    async def get(self, id_: ObjectId, _: str) -> Json | None:
        """A copy of the object."""
        return copy.deepcopy(self.objects.get(id_))

    async def apply(self, body: Json, *, dry_run: bool = False, manager: str = MANAGER, force: bool = True) -> Json:
        """The wish as it stands then, all of it the manager's; a create is told by the missing version."""
        id_ = object_id(body)
        if error := self.refuse(id_, dry_run) or (None if force else self.refuse_unforced):
            raise error
        known = self.objects.get(id_)
        asked = {name: value for name, value in body["metadata"].items() if name not in {"uid", "resourceVersion"}}
        fields: Json = {f"f:{name}": {} for name in body if name not in {"apiVersion", "kind", "metadata"}}
        entry = {"manager": manager, "operation": "Apply", "fieldsV1": fields, "time": "2026-01-01T00:00:00Z"}
        stands = copy.deepcopy(body) | {"metadata": asked | {"managedFields": [entry], "uid": f"uid {id_}"}}
        if known is not None or not dry_run:
            stands["metadata"]["resourceVersion"] = str(next(self._versions))
        if not dry_run:
            self.writes.append(str(id_))
            self.objects[id_] = stands
        return copy.deepcopy(stands)

    async def create(self, body: Json, **_: Any) -> Json:
        """Kubernetes Events are not kept."""
        return body

    async def delete(self, id_: ObjectId, _: str, **__: Any) -> bool:
        """It is gone at once."""
        self.writes.append(f"delete {id_}")
        return self.objects.pop(id_, None) is not None

    async def merge(self, id_: ObjectId, _: str, patch: Json, **__: Any) -> Json:
        """RFC 7386."""
        merged: Json = _merged(self.objects[id_], patch)
        merged["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[id_] = merged
        return copy.deepcopy(merged)

    def edit(self, kind: str, name: str, manager: str, **fields: Any) -> None:
        """Somebody writes these fields, and has them from then on."""
        id_ = ObjectId("", kind, "shop", name)
        known = self.objects[id_]
        entry = {"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:01Z"}
        entry["fieldsV1"] = {f"f:{field}": {} for field in fields}  # type: ignore[assignment]
        metadata = {"managedFields": [entry], "resourceVersion": str(next(self._versions))}
        self.objects[id_] = known | fields | {"metadata": known["metadata"] | metadata}


class Pages:
    """A ledger that is a list. `refuse` says which events can't be recorded now, and why."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._derived: dict[str, Event] = {}
        self.refuse: Callable[[Draft], ShipslogError | None] = lambda _draft: None

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """All of them or none; an id that is known gives the event of then."""
        for draft in drafts:
            if error := self.refuse(draft):
                raise error
        return tuple(self._derived.get(draft.id) or self._record(draft) for draft in drafts)

    def _record(self, draft: Draft) -> Event:
        seq = len(self.drafts) + 1
        stamp = Stamp(id=draft.id or f"event-{seq}", occurred_at=f"{seq}", producer="test", boot="boot", seq=seq)
        event = compose(draft, stamp)
        self.drafts.append(msgspec.structs.replace(draft, id=event.id))
        if draft.id:
            self._derived[draft.id] = event
        return event

    def open_drifts(self, _: Key, __: str) -> tuple[()]:
        """None is remembered."""
        return ()

    def of(self, type_: EventType) -> list[Draft]:
        """All events of a type, in their order."""
        return [draft for draft in self.drafts if draft.type is type_]


class Shelf:
    """A repository whose one commit says what `objects` says; `pushed` is one that no poll has found yet."""

    def __init__(self) -> None:
        self.objects: list[Json] = []
        self.pushed: list[Json] | None = None
        self.commits = 1
        """Another number is another commit, of the same objects, too."""
        self.committed_at = 0.0
        self.before: Revision | None = None
        """What who asked last said it had before."""

    async def revision(self, *_: Any, fresh_since: float | None = None, before: Revision | None = None) -> Revision:
        """The commit; another content is another commit. Who wants it fresh gets what was pushed."""
        self.before = before
        if fresh_since is not None and self.pushed is not None:
            self.objects, self.pushed = self.pushed, None
        content: Any = [self.commits, *self.objects] if self.commits > 1 else self.objects
        moment = rfc3339(self.committed_at) if self.committed_at else ""
        return Revision(sha=digest(content)[:40], ref="refs/heads/main", message="a commit", committed_at=moment)

    def ensure(self, *_: Any, **__: Any) -> None:
        """It is kept."""

    async def sweep(self) -> None:
        """There is nothing to sweep."""

    def tree(self, *_: Any) -> Shelf:
        """The one tree."""
        return self

    async def directory(self, _: str) -> Shelf:
        """The one directory."""
        return self

    async def render(self, *_: Any) -> Rendered:
        """As plain files do."""
        objects = tuple(RenderedObject(copy.deepcopy(body), "all.yaml") for body in self.objects)
        return Rendered(
            objects=objects,
            kind="plain",
            warnings=(),
            dependencies=(),
            digest=digest(self.objects),
            nondeterministic=False,
        )


class Berth:
    """A fleet of one cluster."""

    def __init__(self, target: Target) -> None:
        self.only = target

    def target(self, name: str) -> Target:
        """The one, when it answers."""
        if self.only.outage is not None:
            raise NotReady(f"cluster {name} {self.only.outage.sentence}", after=1.0)
        return self.only

    def find(self, _: str) -> Target | None:
        """The one."""
        return self.only

    def targets(self) -> dict[str, Target]:
        """The one."""
        return {"in-cluster": self.only}

    def unseen(self, _: str) -> str:
        """Why nothing is seen of the cluster."""
        outage = self.only.outage
        return f"it {outage.sentence}" if outage else ""

    def change(self, *_: object) -> None:
        """It never does."""


class Harbour:
    """The Application `shop` and all that its looks need; `time` is the wall clock, in seconds since the epoch."""

    def __init__(self, *objects: Json, **sync: Any) -> None:
        self.time = 1_800_000_000.0
        self.waters, self.ledger, self.shelf = Waters(), Pages(), Shelf()
        self.shelf.objects = list(objects)
        self.registry = Registry(self.waters, "default")  # type: ignore[arg-type]
        self.live = LiveState(self.waters, ownership=ownership_digest, on_move=lambda _owner, _why: None)  # type: ignore[arg-type]
        target = Target(self.waters, self.live)  # type: ignore[arg-type]
        target.version, target.outage = "v1.36.3", None
        ids = itertools.count(1)
        self.rooms = Rooms(
            installation="default",
            registry=self.registry,
            fleet=Berth(target),  # type: ignore[arg-type]
            repositories=self.shelf,  # type: ignore[arg-type]
            renderer=self.shelf,  # type: ignore[arg-type]
            ledger=self.ledger,
            metrics=Metrics("test"),
            announcer=Announcer(self.waters, self.registry, "test"),  # type: ignore[arg-type]
            queue=KeyQueue(),
            now=lambda: self.time,
            new_id=lambda: f"id-{next(ids)}",
        )
        repository = {"metadata": {"name": "config", "namespace": SHOP.namespace, "uid": "r", "generation": 1}}
        self.registry._take("Repository", repository | {"spec": {"url": "https://git.example.com/config"}})
        self.change(sync=sync)

    def change(self, *, annotations: dict[str, str] | None = None, uid: str = "one", **spec: Any) -> None:
        """Create the Application, or change its spec."""
        known = self.waters.objects.get(_APPLICATION)
        metadata = {
            "name": SHOP.name,
            "namespace": SHOP.namespace,
            "uid": uid,
            "generation": (known["metadata"]["generation"] if known else 0) + 1,
            "resourceVersion": str(next(self.waters._versions)),
            "finalizers": [FINALIZER],
            "annotations": annotations or {},
        }
        wish = {"source": {"repository": "config", "path": "."}, "destination": {"namespace": "shop"}} | spec
        status = known.get("status", {}) if known and known["metadata"]["uid"] == uid else {}
        body = {"apiVersion": API_VERSION, "kind": "Application", "metadata": metadata, "spec": wish, "status": status}
        self.waters.objects[_APPLICATION] = body
        self.registry.know(copy.deepcopy(body))

    def delete(self) -> None:
        """Somebody deletes the Application: its finalizer holds it."""
        body = self.waters.objects[_APPLICATION]
        body["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z"}
        body["metadata"] |= {"resourceVersion": str(next(self.waters._versions))}
        self.registry.know(copy.deepcopy(body))

    @property
    def held(self) -> bool:
        """Whether our finalizer still holds the Application."""
        return FINALIZER in self.waters.objects[_APPLICATION]["metadata"]["finalizers"]

    async def look(self, *triggers: Trigger) -> Fate:
        """One look at it, as a worker does."""
        return await advance(Work(SHOP, frozenset(triggers or {Trigger.SPEC})), self.rooms)

    async def look_or_fail(self, *triggers: Trigger) -> None:
        """One look, of which not even the failure may be told."""
        with contextlib.suppress(ShipslogError):
            await self.look(*triggers)

    def restart(self) -> None:
        """What was only remembered is forgotten."""
        self.rooms.memories.clear()

    @property
    def status(self) -> Json:
        """The Application's status as it stands."""
        found: Json = self.waters.objects[_APPLICATION].get("status", {})
        return found

    def condition(self, type_: str) -> Json:
        """One of its conditions; empty while there is none."""
        conditions = self.status.get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), {})

    def stands(self, kind: str, name: str) -> Json | None:
        """An object in the cluster."""
        return self.waters.objects.get(ObjectId("", kind, "shop", name))


def config(name: str = "settings", **data: str) -> Json:
    """A ConfigMap in Git."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"x": "1"}}


def claim(name: str = "disk") -> Json:
    """A PersistentVolumeClaim in Git: it is not bound, and so not healthy, until the cluster says so."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {"size": 1}}


def within(fate: Fate, trigger: Trigger, least: float, most: float = math.inf) -> bool:
    """Whether the next look comes for this reason in so many seconds."""
    return fate is not None and fate[0] is trigger and least <= fate[1] <= most


def _merged(body: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return msgspec.to_builtins(patch)
    merged = dict(body) if isinstance(body, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
