"""An Application that goes: its objects go first, unless they are to stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.apply.execute import Result, execute
from controller.apply.order import ordered
from controller.diff.plan import prune_step
from controller.errors import Transient
from controller.model.event import EventType
from controller.model.labels import FINALIZER, owner_value
from controller.model.plan import Plan
from controller.reconcile.rooms import draft

if TYPE_CHECKING:
    from controller.model.application import Application
    from controller.model.event import Event
    from controller.ports import Cluster
    from controller.reconcile.concluding import Fate
    from controller.reconcile.rooms import Rooms


async def dismantle(app: Application, rooms: Rooms) -> Fate:
    """Prune what the Application owns and let it go.

    Its objects stay where it is suspended, where `sync.prune` is false, and where its Cluster is gone: that is
    recorded. A cluster that is away for a while is waited for. Raises Transient when objects could not be deleted.
    """
    if FINALIZER not in app.finalizers:
        return None
    reason = _orphan_reason(app, rooms)
    if reason:
        await rooms.ledger.append(
            draft(app, EventType.SYNC_REFUSED, outcome="refused", reason=f"objects were left behind: {reason}")
        )
    else:
        await _prune(app, rooms.fleet.target(app.spec.destination.cluster).client, rooms)
    await rooms.announcer.finalizers(app, tuple(name for name in app.finalizers if name != FINALIZER))
    return None


def _orphan_reason(app: Application, rooms: Rooms) -> str:
    if app.spec.suspend:
        return "the Application is suspended"
    if not app.spec.sync.prune:
        return "sync.prune is false"
    name = app.spec.destination.cluster
    if app.status.inventory and rooms.fleet.find(name) is None and name not in rooms.registry.clusters:
        return f"there is no Cluster {name} any more"
    return ""


async def _prune(app: Application, cluster: Cluster, rooms: Rooms) -> None:
    owner = owner_value(rooms.installation, app.key)
    steps = [
        step
        for entry in app.status.inventory
        if (step := prune_step(entry.id, entry.api_version, await cluster.get(entry.id, entry.api_version), owner))
    ]
    plan = Plan(ordered(steps))
    if not plan.writes:
        return
    run_id = rooms.new_id()
    objects = [f"prune {step.id}" for step in plan.writes]
    (intent,) = await rooms.ledger.append(
        draft(app, EventType.APPLY_INTENT, correlation_id=run_id, detail={"kind": "delete", "objects": objects[:200]})
    )
    results = await execute(cluster, plan, lambda result: _record(app, rooms, result, run_id, intent))
    failed = [f"{result.step.id}: {result.error}" for result in results if result.error]
    await rooms.ledger.append(
        draft(
            app,
            EventType.APPLY_RESULT,
            correlation_id=run_id,
            causation_id=intent.id,
            outcome="failure" if failed else "success",
            detail={"written": len(results) - len(failed), "failed": len(failed)},
        )
    )
    if failed:
        raise Transient("objects could not be deleted: " + "; ".join(failed[:5]))


async def _record(app: Application, rooms: Rooms, result: Result, run_id: str, intent: Event) -> None:
    await rooms.ledger.append(
        draft(
            app,
            EventType.PRUNE_OBJECT,
            object_id=result.step.id,
            correlation_id=run_id,
            causation_id=intent.id,
            outcome="failure" if result.error else "success",
            reason=result.error[:2048] or "its Application was deleted",
        )
    )
