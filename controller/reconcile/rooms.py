"""The rooms as the loop sees them, and what it remembers of each Application."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from controller.errors import NotReady, ShipslogError, Terminal
from controller.model.application import Application
from controller.model.drift import Drift
from controller.model.event import Actor, Draft, EventType
from controller.model.event import Target as EventTarget
from controller.model.ignore import IgnoreDifference
from controller.model.labels import ACTOR_ANNOTATION, SYNC_ANNOTATION, owner_value
from controller.model.live import Baseline
from controller.model.manifest import Manifest
from controller.model.objects import Key, ObjectId
from controller.model.plan import Step
from controller.model.revision import Revision
from controller.model.run import Run
from controller.reconcile.claims import Claims
from controller.reconcile.fights import Fights
from controller.record.identifier import derived

if TYPE_CHECKING:
    from controller.fetch.repository import Repositories
    from controller.metrics import Metrics
    from controller.ports import Ledger
    from controller.reconcile.announce import Announcer
    from controller.reconcile.fleet import Fleet, Target
    from controller.reconcile.queue import KeyQueue, Work
    from controller.reconcile.registry import Registry
    from controller.render.renderer import Renderer
    from controller.render.request import Dependency


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rooms:
    """Everything a reconciliation may reach for."""

    installation: str
    registry: Registry
    fleet: Fleet
    repositories: Repositories
    renderer: Renderer
    ledger: Ledger
    metrics: Metrics
    announcer: Announcer
    queue: KeyQueue
    now: Callable[[], float]
    """Seconds since the epoch."""
    new_id: Callable[[], str]
    former_managers: frozenset[str] = frozenset()
    """Field managers whose fields become ours when we apply an object (see controller.apply.takeover)."""
    ignored: tuple[IgnoreDifference, ...] = ()
    """Rules about fields of every Application's objects that are left to others."""
    claims: Claims = dataclasses.field(default_factory=Claims)
    memories: dict[Key, Memory] = dataclasses.field(default_factory=dict)
    waiting: dict[Key, set[Key]] = dataclasses.field(default_factory=dict)
    """Who waits for a look at each Application."""
    cycles: dict[Key, set[Key]] = dataclasses.field(default_factory=dict)
    """Who is in a cycle with each Application."""


class Wish(msgspec.Struct, frozen=True):
    """What one Application wants to stand in its cluster, rendered from one commit."""

    revision: Revision
    digest: str
    """Of the objects and where they go: equal digests are the same wish."""
    manifests: tuple[Manifest, ...]
    skipped: tuple[Step, ...] = ()
    """Rendered objects that are not applied, and why."""
    warnings: tuple[str, ...] = ()

    @property
    def by_id(self) -> Mapping[ObjectId, Manifest]:
        """The manifests by identity."""
        return {manifest.id: manifest for manifest in self.manifests}

    def at(self, revision: Revision) -> Wish:
        """The same objects at another commit."""
        return self if self.revision.sha == revision.sha else msgspec.structs.replace(self, revision=revision)


@dataclasses.dataclass
class Memory:
    """What the process remembers of an Application between two looks. Losing it costs requests, nothing else."""

    uid: str
    born: float = dataclasses.field(default_factory=time.monotonic)
    """When it was first looked at, on the monotonic clock."""
    baselines: dict[ObjectId, Baseline] = dataclasses.field(default_factory=dict)
    staying: dict[ObjectId, tuple[str, Step]] = dataclasses.field(default_factory=dict)
    """Objects that left Git and stand: the version that was looked at, and what was made of it."""
    kept: dict[str, str] = dataclasses.field(default_factory=dict)
    """Objects that left Git and are ours to keep, and why: by an annotation, or because nothing is pruned."""
    wish: Wish | None = None
    wish_source: object = None
    """The rendering that `wish` was made of."""
    depends: tuple[Dependency, ...] | None = None
    """Paths of the repository that this rendering depends on; None after one that failed."""
    references: dict[ObjectId, str] = dataclasses.field(default_factory=dict)
    """ConfigMaps and Secrets whose values were filled in, and their versions then; "" for one that was not there."""
    applied: Wish | None = None
    """The wish that was applied last, whatever is wanted now."""
    seen: Revision | None = None
    """What the ref named when it was last asked for."""
    compared_at: float = 0.0
    """When live state was last compared in full, seconds on the monotonic clock; 0: never."""
    retry_at: float = 0.0
    retry_after: float = 0.0
    """For how many seconds a server asked to be left alone when the last run failed."""
    fights: Fights = dataclasses.field(default_factory=Fights)
    unhealed: int = 0
    """Heals that failed one after another."""
    unowned: set[ObjectId] = dataclasses.field(default_factory=set)
    """Objects with every value of Git's and fields that others own: every change of them is looked at."""
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    """What is left to others by itself, by object: said with the condition Synced."""
    episodes: dict[str, int] = dataclasses.field(default_factory=dict)
    """How often the same evidence of a drift was met, by what derives from it."""
    drifts: tuple[Drift, ...] | None = None
    """Open drifts; None until the status was read once."""
    spoken: str = ""
    """The last refusal or failure that was recorded, so that it is recorded once."""
    run: Run | None = None
    """The run that this process began or ended last, as far as it came: the status may not say so yet."""
    failures: int = 0
    owed: tuple[Draft, ...] = ()
    """Events that could not be made durable when they happened; said before anything else."""


class Saying(msgspec.Struct, frozen=True):
    """A Kubernetes Event that is to be emitted."""

    reason: str
    message: str
    warning: bool = False


@dataclasses.dataclass
class Case:
    """One Application in hand, with all that was found out about it."""

    app: Application
    memory: Memory
    work: Work
    rooms: Rooms
    target: Target
    wish: Wish
    requested: bool = dataclasses.field(init=False)
    """A person asked for a sync that was not handled yet."""
    actor: Actor = dataclasses.field(init=False)
    """Who is behind this look."""
    held: dict[str, str] = dataclasses.field(default_factory=dict)
    """Drifted objects that are not healed now, and why."""
    said: list[Saying] = dataclasses.field(default_factory=list)
    """Kubernetes Events to emit once the work is done: they must not delay it."""

    def say(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Have a Kubernetes Event emitted when the look is concluded."""
        self.said.append(Saying(reason, message, warning))

    def __post_init__(self) -> None:
        asked = self.app.annotations.get(SYNC_ANNOTATION, "")
        # Decided once: a run that begins answers the request, and is still the requester's.
        self.requested = bool(asked) and asked != self.app.status.last_handled_sync
        self.actor = Actor()
        if self.requested:
            self.actor = Actor(kind="user", name=self.app.annotations.get(ACTOR_ANNOTATION, "") or "unknown")

    @property
    def owner(self) -> str:
        """Value of the owner label on this Application's objects."""
        return owner_value(self.rooms.installation, self.app.key)

    def draft(self, type_: EventType, **fields: Any) -> Draft:
        """An event about this Application."""
        return draft(self.app, type_, actor=fields.pop("actor", self.actor), **fields)


def draft(
    app: Application, type_: EventType, *, object_id: ObjectId | None = None, cluster: str = "", **fields: Any
) -> Draft:
    """An event about an Application, or about one object of it; in another cluster than its destination where said."""
    target = EventTarget(
        namespace=app.key.namespace,
        application=app.key.name,
        cluster=cluster or app.spec.destination.cluster,
        object=str(object_id) if object_id else "",
    )
    return Draft(type=type_, target=target, **fields)


def observed(app: Application, revision: Revision) -> Draft:
    """The record of another revision than the last that concerned this Application."""
    last = app.status.last_run
    before = {"previous": app.status.revision.sha, "repository": app.spec.source.repository}
    return draft(
        app,
        EventType.REVISION_OBSERVED,
        id=derived("revision", app.uid, last.id if last else "", revision.sha),
        revision=revision.sha,
        detail=msgspec.to_builtins(revision) | before,
        reason=revision.message,
    )


NO_PRUNE = "sync.prune is false"
"""Why objects that left Git stay, where none of them is to be deleted."""
GRACE = 5.0
"""Seconds for which what an Application refers to may still be on its way: people create both in one go."""


def missing(memory: Memory, error: Terminal) -> ShipslogError:
    """The fate of a reference that leads nowhere: waited for at first, then an error of the input."""
    if time.monotonic() - memory.born < GRACE:
        return NotReady(error.message, after=1.0, remedy=error.remedy)
    return error


def memory_of(rooms: Rooms, app: Application) -> Memory:
    """The memory of this very Application: one of the same name created anew starts with nothing but what is owed."""
    memory = rooms.memories.get(app.key)
    if memory is None or memory.uid != app.uid:
        memory = rooms.memories[app.key] = Memory(app.uid, owed=memory.owed if memory else ())
    return memory
