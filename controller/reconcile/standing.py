"""What stands: the objects that are ours, their health, and keeping them while nothing newer can be wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.errors import ShipslogError
from controller.govern.judge import judge
from controller.model.amount import amount
from controller.model.event import Actor
from controller.model.health import Health, HealthStatus, worst
from controller.reconcile.declining import spared
from controller.reconcile.deleting import home_of
from controller.reconcile.drifting import attended, notice
from controller.reconcile.handover import claim_at_first
from controller.reconcile.healing import written
from controller.reconcile.planning import plan_of
from controller.reconcile.rooms import Case, Saying, memory_of
from controller.reconcile.wish import wish_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.application import Application, ApplicationStatus, InventoryEntry
    from controller.model.run import Run
    from controller.observe.live import LiveState
    from controller.reconcile.fleet import Target
    from controller.reconcile.queue import Work
    from controller.reconcile.rooms import Rooms, Wish

_NAMED = 3
_log = logs.get_logger(__name__)


class Standing(msgspec.Struct, frozen=True):
    """What was found out about what stands: the status with its open drifts, health, and Events that it is worth."""

    status: ApplicationStatus
    health: Health
    said: Sequence[Saying] = ()


async def stand(app: Application, work: Work, rooms: Rooms) -> Standing | None:
    """Keep what was applied last, as long as what is wanted now can't be had, or nothing newer is wanted.

    Drift is noticed and recorded, and healed where the policy says so, unless the Application is suspended. None when
    nothing was applied yet, it is being deleted, or nothing can be said: the cluster is away, or what was applied can't
    be rendered again.
    """
    if app.deleting:
        return None  # what it is losing must not be put back
    last, target = app.status.last_run, rooms.fleet.find(app.spec.destination.cluster)
    if last is None or not last.applied or target is None or not target.up:
        return None
    if home_of(app) != app.spec.destination.cluster:
        return None
    try:
        wish = await _applied(app, last, target, rooms)
        return await _keep(Case(app, memory_of(rooms, app), work, rooms, target, wish)) if wish else None
    except ShipslogError as error:
        _log.warning("What was applied last could not be looked at", error=str(error))
        return None


async def _keep(case: Case) -> Standing:
    app, target = case.app, case.target
    case.actor = Actor()  # whoever asks for something newer has not asked for this
    claim_at_first(app, case.wish, case.rooms)
    plan = await plan_of(app, case.memory, case.wish, target, case.rooms, full=False, refusals="left")
    await notice(case, plan)
    inventory = len(app.status.inventory)
    verdict = judge(app.spec, plan, requested=False, suspended_cluster=target.suspended, inventory=inventory)
    plan = spared(case, plan) if verdict.allowed else plan
    if verdict.allowed and plan.writes and not app.spec.suspend:
        await written(case, plan, case.rooms.new_id(), "heal")
    drifts = case.memory.drifts or ()
    target.live.attend(case.owner, attended(case, drifts))
    status = msgspec.structs.replace(app.status, drift=drifts)
    return Standing(status, health_of(target.live, app.status.inventory), tuple(case.said))


async def _applied(app: Application, last: Run, target: Target, rooms: Rooms) -> Wish | None:
    """The wish that was applied last: remembered, or rendered again from the commit that it came from."""
    memory = memory_of(rooms, app)
    if memory.applied is None or memory.applied.digest != last.digest:
        wish = await wish_at(app, memory, target, app.status.revision, rooms)
        memory.applied = wish if wish.digest == last.digest else None
    return memory.applied


def health_of(live: LiveState, inventory: Sequence[InventoryEntry]) -> Health:
    """The worst verdict over our objects; it names the first few that have it."""
    verdicts = []
    for entry in inventory:
        view = live.view(entry.id)
        if view is not None:
            verdict = view.health
        elif why := live.refused(entry.id.group_kind):
            verdict = Health(HealthStatus.UNKNOWN, f"it can't be watched: {why}")
        elif live.watched(entry.id.group_kind):
            verdict = Health(HealthStatus.MISSING, "it does not exist")
        else:
            verdict = Health(HealthStatus.PROGRESSING, "it was not seen yet")
        verdicts.append((entry.id, verdict))
    overall = worst(verdict for _, verdict in verdicts)
    if overall.status is HealthStatus.HEALTHY:
        return Health(HealthStatus.HEALTHY, amount(len(verdicts), "object") if verdicts else "there are no objects")
    bad = [f"{id_}: {verdict.message}" for id_, verdict in verdicts if verdict.status is overall.status]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return Health(overall.status, "; ".join(bad[:_NAMED]) + more)
