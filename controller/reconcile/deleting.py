"""Objects that go with what they belonged to: an Application that is deleted, or one that moves to another cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.apply.execute import Result, Terms, execute
from controller.apply.order import ordered
from controller.diff.plan import prune_step
from controller.errors import ShipslogError, Transient
from controller.model.event import Draft, EventType
from controller.model.labels import FINALIZER, owner_value
from controller.model.plan import Plan
from controller.reconcile.rooms import draft, memory_of

if TYPE_CHECKING:
    from controller.model.application import Application
    from controller.ports import Cluster
    from controller.reconcile.queue import Fate
    from controller.reconcile.rooms import Rooms


async def dismantle(app: Application, rooms: Rooms) -> Fate:
    """Prune what the Application owns and let it go.

    Its objects stay where it is suspended, where `sync.prune` is false, and where its Cluster is gone: that is
    recorded. A cluster that is away for a while is waited for. Raises Transient when objects could not be deleted.
    """
    if FINALIZER not in app.finalizers:
        return None
    await _clear(app, home_of(app), "its Application was deleted", rooms)
    await rooms.announcer.finalizers(app, tuple(name for name in app.finalizers if name != FINALIZER))
    return None


async def leave(app: Application, rooms: Rooms) -> Application:
    """Before anything is written to another cluster, what stands in the old one is pruned, by the same rules."""
    old, new = home_of(app), app.spec.destination.cluster
    if old == new or not app.status.inventory:
        return app
    await _clear(app, old, f"its Application moved to cluster {new}", rooms)
    return await rooms.announcer.status(app, msgspec.structs.replace(app.status, inventory=(), cluster=new, drift=()))


def home_of(app: Application) -> str:
    """The cluster that the inventory is in."""
    return app.status.cluster or app.spec.destination.cluster


async def _clear(app: Application, cluster: str, why: str, rooms: Rooms) -> None:
    reason = _orphan_reason(app, cluster, rooms)
    if not reason:
        await _Pruning(app, rooms.fleet.target(cluster).client, why, rooms).run()
    elif app.status.inventory:
        names = [str(entry.id) for entry in app.status.inventory]
        left = draft(
            app,
            EventType.SYNC_REFUSED,
            outcome="refused",
            reason=f"{len(names)} objects were left behind: {reason}",
            detail={"cause": "LeftBehind", "objects": names[:200]},
        )
        await rooms.ledger.append(_at(left, cluster))


def _orphan_reason(app: Application, cluster: str, rooms: Rooms) -> str:
    if app.spec.suspend:
        return "the Application is suspended"
    if not app.spec.sync.prune:
        return "sync.prune is false"
    if app.status.inventory and rooms.fleet.find(cluster) is None and cluster not in rooms.registry.clusters:
        return f"there is no Cluster {cluster} any more"
    return ""


class _Pruning:
    """All objects of an Application in one cluster, pruned between an intent and its result."""

    def __init__(self, app: Application, cluster: Cluster, why: str, rooms: Rooms) -> None:
        self.app = app
        self.cluster = cluster
        self.why = why
        self.rooms = rooms
        self.run_id = rooms.new_id()
        self.intent = ""

    async def run(self) -> None:
        plan = await self._plan()
        if not plan.writes:
            return
        objects = [f"prune {step.id}" for step in plan.writes]
        detail = {"kind": "delete", "objects": objects[:200], "objectsInAll": len(objects)}
        (intent,) = await self.rooms.ledger.append(self._draft(EventType.APPLY_INTENT, detail=detail, reason=self.why))
        self.intent = intent.id
        terms = Terms(owner_value(self.rooms.installation, self.app.key), self.app.spec.sync.prune_propagation)
        results = await execute(self.cluster, plan, terms, self._record)
        failed = [f"{result.step.id}: {result.error}" for result in results if result.error]
        await self._conclude(len(results) - len(failed), len(failed))
        if failed:
            raise Transient("objects could not be deleted: " + "; ".join(failed[:5]))

    async def _plan(self) -> Plan:
        owner = owner_value(self.rooms.installation, self.app.key)
        steps = []
        for entry in self.app.status.inventory:
            live = await self.cluster.get(entry.id, entry.api_version)
            if step := prune_step(entry.id, entry.api_version, live, owner):
                steps.append(step)
        return Plan(ordered(steps))

    async def _record(self, result: Result) -> None:
        await self.rooms.ledger.append(
            self._draft(
                EventType.PRUNE_OBJECT,
                object_id=result.step.id,
                causation_id=self.intent,
                outcome="failure" if result.error else "success",
                reason=result.error[:2048] or self.why,
            )
        )

    async def _conclude(self, written: int, failed: int) -> None:
        result = self._draft(
            EventType.APPLY_RESULT,
            causation_id=self.intent,
            outcome="failure" if failed else "success",
            detail={"written": written, "failed": failed},
        )
        try:
            await self.rooms.ledger.append(result)
        except ShipslogError:
            memory = memory_of(self.rooms, self.app)
            memory.owed = (*memory.owed, result)
            raise

    def _draft(self, type_: EventType, **fields: object) -> Draft:
        return _at(draft(self.app, type_, correlation_id=self.run_id, **fields), self.cluster.name)  # type: ignore[arg-type]


def _at(event: Draft, cluster: str) -> Draft:
    return msgspec.structs.replace(event, target=msgspec.structs.replace(event.target, cluster=cluster))
