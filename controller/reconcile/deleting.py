"""Objects that go with what they belonged to: an Application that is deleted, or one that moves to another cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller import faults
from controller.errors import NotReady, ShipslogError, Transient
from controller.model.event import Actor, Draft, EventType
from controller.model.labels import FINALIZER, owner_value
from controller.model.run import FINAL, Phase
from controller.reconcile.handover import forgo
from controller.reconcile.leftovers import leave_behind
from controller.reconcile.records import sync_completed
from controller.reconcile.rooms import draft, memory_of
from controller.reconcile.teardown import StillGoing, StuckInDeletion, Teardown
from controller.record.identifier import derived

if TYPE_CHECKING:
    from controller.model.application import Application
    from controller.reconcile.queue import Fate
    from controller.reconcile.rooms import Rooms

ORPHAN = "mend that, or set spec.deletion: orphan to let the Application go without its objects"


class DeletionHeld(Transient):
    """An Application can't go: its objects can't be deleted. The reason is that of what holds it."""


async def dismantle(app: Application, rooms: Rooms) -> Fate:
    """Prune what the Application owns, wait until it is gone, and let the Application go.

    Its objects stay where `spec.deletion` is orphan, where that is not said and it is suspended or `sync.prune` is
    false, and where its Cluster is gone: that is recorded. Its Repository is not asked for anything.

    Raises StillGoing and StuckInDeletion while objects are being deleted, DeletionHeld for all else that holds it.
    """
    if FINALIZER not in app.finalizers:
        return None
    try:
        await _clear(app, home_of(app), "its Application was deleted", rooms, wait=True)
    except (StillGoing, StuckInDeletion):
        raise
    except ShipslogError as error:
        remedy = f"{error.remedy}; {ORPHAN}" if error.remedy else ORPHAN
        cause = "Unreachable" if type(error) is NotReady else error.cause
        raise DeletionHeld(f"it can't be deleted yet: {error.message}", remedy=remedy, underlying=[cause]) from error
    await rooms.ledger.append(*_last_words(app, rooms))
    faults.reach("before-finalizer")
    await rooms.announcer.finalizers(app, tuple(name for name in app.finalizers if name != FINALIZER))
    faults.reach("after-finalizer")
    forgo(app, rooms)
    return None


def _last_words(app: Application, rooms: Rooms) -> list[Draft]:
    """The end of what was under way, and of the Application itself: the same events, however often it is tried."""
    why = "its Application was deleted"
    last, words = app.status.last_run, []
    if last is not None and last.phase not in FINAL:
        ended = msgspec.structs.replace(last, phase=Phase.SUPERSEDED, message=why)
        words.append(sync_completed(app, Actor(), ended, rooms.now()))
    recorded = rooms.ledger.open_drifts(app.key, home_of(app))
    noticed = memory_of(rooms, app).drifts or ()
    for drift in {drift.id: drift for drift in (*recorded, *app.status.drift, *noticed)}.values():
        end = draft(app, EventType.DRIFT_ENDED, id=derived("drift-end", drift.id), causation_id=drift.id, reason=why)
        words.append(msgspec.structs.replace(end, target=msgspec.structs.replace(end.target, object=drift.object)))
    gone = draft(
        app,
        EventType.APPLICATION_DELETED,
        id=derived("deleted", app.uid),
        actor=Actor(kind="unknown", name=""),
        revision=app.status.revision.sha,
        reason="somebody deleted it; its objects are gone, or were left as it says before this",
    )
    return [*words, gone]


async def leave(app: Application, rooms: Rooms) -> Application:
    """Before anything is written to another cluster, what stands in the old one is pruned, by the same rules."""
    old, new = home_of(app), app.spec.destination.cluster
    if old == new or not app.status.inventory:
        return app
    await _clear(app, old, f"its Application moved to cluster {new}", rooms, wait=False)
    if (left := rooms.fleet.find(old)) is not None:
        left.live.forget(owner_value(rooms.installation, app.key))
    faults.reach("before-left")
    app = await rooms.announcer.status(app, msgspec.structs.replace(app.status, inventory=(), cluster=new, drift=()))
    faults.reach("after-left")
    return app


def home_of(app: Application) -> str:
    """The cluster that the inventory is in."""
    return app.status.cluster or app.spec.destination.cluster


async def _clear(app: Application, cluster: str, why: str, rooms: Rooms, *, wait: bool) -> None:
    if not app.status.inventory:
        return
    reason = _orphan_reason(app, cluster, rooms)
    if not reason:
        await Teardown(app, rooms.fleet.target(cluster), why, rooms).run(wait=wait)
        return
    await leave_behind(app, cluster, {entry.id: reason for entry in app.status.inventory}, rooms)


def _orphan_reason(app: Application, cluster: str, rooms: Rooms) -> str:
    if app.spec.deletion == "orphan":
        return "spec.deletion is orphan"
    if app.spec.deletion is None and app.spec.suspend:
        return "the Application is suspended"
    if app.spec.deletion is None and not app.spec.sync.prune:
        return "sync.prune is false"
    if rooms.fleet.find(cluster) is None and cluster not in rooms.registry.clusters:
        return f"there is no Cluster {cluster} any more"
    return ""
