"""What is told of an Application when a look ends: its status, its metrics, what changed in it, Kubernetes Events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller import faults
from controller.metrics.application import ApplicationState
from controller.model.amount import amount
from controller.model.application import DRIFTS
from controller.model.condition import merge
from controller.model.event import Actor, EventType, Outcome
from controller.model.health import HealthStatus
from controller.model.labels import SUSPENSION_ANNOTATION
from controller.model.suspension import parse
from controller.reconcile.moment import epoch, whole
from controller.reconcile.rooms import draft, memory_of
from controller.record.identifier import derived
from controller.record.status import conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.application import Application, ApplicationStatus
    from controller.model.drift import Drift
    from controller.reconcile.rooms import Rooms, Saying
    from controller.record.status import Findings

SUSPENDED = "Suspended"
"""Reason of the condition Synced while an Application is suspended."""


async def tell(
    app: Application, rooms: Rooms, status: ApplicationStatus, found: Findings, said: Sequence[Saying]
) -> None:
    """Record what changed, write the status, show the metrics and emit the Events."""
    await _health_moved(app, rooms, found)
    await _suspension(app, rooms, found)
    open_ = memory_of(rooms, app).drifts
    drifted, kept = len(status.drift if open_ is None else open_), len(memory_of(rooms, app).kept)
    status = msgspec.structs.replace(
        status,
        drift=_shown(status.drift),
        conditions=merge(app.status.conditions, conditions(found), whole(rooms.now())),
        observed_generation=app.generation,
        summary=", ".join((amount(len(status.inventory), "object"), *_counted(kept=kept, drifted=drifted))),
    )
    faults.reach("before-status")
    app = await rooms.announcer.status(app, status)
    faults.reach("after-status")
    _show(app, rooms, found, drifted)
    for saying in said:
        await rooms.announcer.event(app, saying.reason, saying.message, kind="Warning" if saying.warning else "Normal")


def _counted(**numbers: int) -> list[str]:
    return [f"{number} {what}" for what, number in numbers.items() if number]


def _shown(drifts: tuple[Drift, ...]) -> tuple[Drift, ...]:
    """Those for which there is room: first what somebody decided, and what no later look could tell of again."""
    if len(drifts) <= DRIFTS:
        return drifts
    return tuple(sorted(drifts, key=lambda drift: (drift.declined is None, drift.change != "deleted"))[:DRIFTS])


async def _suspension(app: Application, rooms: Rooms, found: Findings) -> None:
    """Record that an Application is left alone from now on, or no longer."""
    known = next((condition for condition in app.status.conditions if condition.type == "Synced"), None)
    before, after = known is not None and known.reason == SUSPENDED, found.reason == SUSPENDED
    if before == after:
        return
    type_ = EventType.APPLICATION_SUSPENDED if after else EventType.APPLICATION_RESUMED
    await rooms.ledger.append(
        draft(
            app,
            type_,
            id=derived(type_.label, app.uid, str(app.generation)),
            actor=_switched_by(app, suspend=after),
            revision=app.status.revision.sha,
            reason=f"spec.suspend is {str(after).lower()}",
        )
    )


def _switched_by(app: Application, *, suspend: bool) -> Actor:
    """Who did it, where it was done by the command line: an edit of the spec says nothing of who made it."""
    said = parse(app.annotations.get(SUSPENSION_ANNOTATION, ""))
    if said is None or (said.suspend, said.generation) != (suspend, app.generation):
        return Actor(kind="unknown", name="")
    return Actor(kind="user", name=said.by)


_OUTCOMES: dict[HealthStatus, Outcome] = {
    HealthStatus.DEGRADED: "failure",
    HealthStatus.MISSING: "failure",
    HealthStatus.UNKNOWN: "unknown",
}
"""How a change of health to that verdict counts; to any other one it is a success."""


async def _health_moved(app: Application, rooms: Rooms, found: Findings) -> None:
    known = next((condition for condition in app.status.conditions if condition.type == "Healthy"), None)
    before, since = (known.reason, known.last_transition_time) if known else ("", "")
    after = found.health.status.value
    if before == after:
        return
    last = app.status.last_run
    # The first verdict comes once, whoever gives it; later ones may repeat each other within a second.
    moment = (last.id if last else "", since, app.resource_version) if before else ()
    await rooms.ledger.append(
        draft(
            app,
            EventType.HEALTH_CHANGED,
            id=derived("health", app.uid, before, after, *moment),
            outcome=_OUTCOMES.get(found.health.status, "success"),
            reason=f"{after}: {found.health.message}"[:2048],
            revision=app.status.revision.sha,
            detail={"before": before, "after": after},
        )
    )


def _show(app: Application, rooms: Rooms, found: Findings, drifted: int) -> None:
    since = {condition.type: epoch(condition.last_transition_time) for condition in app.status.conditions}
    rooms.metrics.application(
        ApplicationState(
            namespace=app.key.namespace,
            name=app.key.name,
            cluster=app.spec.destination.cluster,
            synced=found.synced == "True",
            health=found.health.status,
            synced_since=since.get("Synced", 0.0),
            health_since=since.get("Healthy", 0.0),
            drifted=drifted,
            drift_since=min((epoch(drift.since) for drift in app.status.drift), default=0.0),
            contested=len(memory_of(rooms, app).fights.contested()),
            objects=len(app.status.inventory),
            suspended=app.spec.suspend,
            mode=app.spec.sync.mode,
        )
    )
