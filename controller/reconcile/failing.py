"""Looks that could not be finished, or need not be: told, recorded where an auditor should hear of it, tried again."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.errors import NotReady, ShipslogError, Terminal, Unreachable
from controller.fetch.errors import CommitNotFound, RefNotFound
from controller.model.duration import seconds
from controller.model.event import Actor, Draft, EventType
from controller.model.health import Health, HealthStatus
from controller.model.labels import ACTOR_ANNOTATION, SYNC_ANNOTATION
from controller.model.run import Trigger
from controller.reconcile.ending import break_off
from controller.reconcile.handover import unclear
from controller.reconcile.queue import Fate
from controller.reconcile.rooms import GRACE, Memory, Rooms, Saying, draft, memory_of, observed
from controller.reconcile.standing import Standing, stand
from controller.reconcile.telling import SUSPENDED, tell
from controller.record.errors import SpoolError
from controller.record.identifier import derived
from controller.record.status import Findings, Truth
from controller.tasks import Backoff

if TYPE_CHECKING:
    from controller.model.application import Application, ApplicationStatus
    from controller.reconcile.queue import Work

_log = logs.get_logger(__name__)
_jitter = random.Random()  # noqa: S311 - spreads load, guards nothing
OUTSIDE = frozenset({"Denied", "Forbidden", "KindMissing", "OwnedByOthers"})
"""What somebody may mend without a commit: a right, a policy, a definition, whose the fields are.

Nobody tells us, so it is tried again.
"""


async def fail(app: Application, work: Work, rooms: Rooms, error: ShipslogError, *, keep: bool = True) -> Fate:
    """Write down a look that could not be finished; what was applied last goes on being kept where `keep` is."""
    memory = memory_of(rooms, app)
    memory.failures += 1
    unclear(app, memory.seen, error, rooms)
    break_off(app, rooms, str(error))
    terminal = isinstance(error, Terminal)
    _log.warning("Look failed", trigger=work.trigger.value, fate=type(error).__name__, error=str(error))
    rooms.metrics.reconciles.labels(fate=_fate(error)).inc()
    for cause in error.underlying:
        rooms.metrics.object_failed(app.spec.destination.cluster, cause)
    kept = await stand(app, work, rooms) if keep else None
    standing = kept or Standing(app.status, _known_health(app, rooms))
    found = Findings(
        generation=app.generation,
        synced="Unknown" if not terminal else "False",
        reason=error.cause,
        message=str(error),
        health=standing.health,
        progressing="" if terminal else "trying again",
        stalled=str(error) if terminal else "",
    )
    said = list(standing.said)
    if _is_about_the_input(app, memory, error) and _unsaid(app, memory, error):
        await rooms.ledger.append(*_observed(app, memory), _refused(app, memory, error))
        said.append(Saying(found.reason, str(error), warning=True))
    status = _request_handled(app, standing.status) if terminal else standing.status
    if memory.seen and _is_about_the_input(app, memory, error):
        status = msgspec.structs.replace(status, attempted=memory.seen.sha)
    await tell(app, rooms, status, found, said)
    return _again(app, memory, error)


async def rest(app: Application, work: Work, rooms: Rooms) -> Fate:
    """Write down how a suspended Application stands: drift is noticed, nothing is written."""
    standing = await stand(app, work, rooms) or Standing(app.status, _known_health(app, rooms))
    known = next((condition for condition in app.status.conditions if condition.type == "Synced"), None)
    synced: Truth = known.status if known else "Unknown"
    found = Findings(
        generation=app.generation,
        synced="False" if standing.status.drift else synced,
        reason=SUSPENDED,
        message="spec.suspend is true",
        health=standing.health,
    )
    await tell(app, rooms, standing.status, found, standing.said)
    return None


def _is_about_the_input(app: Application, memory: Memory, error: ShipslogError) -> bool:
    """Whether an auditor should hear of it: not of what is merely away, or of our own spool."""
    if isinstance(error, RefNotFound | CommitNotFound):
        # What was there may be gone: a branch deleted, a tag moved away. What never was may be pushed any moment.
        return bool(app.status.revision.sha) or time.monotonic() - memory.born >= GRACE
    return not isinstance(error, Unreachable | NotReady) and not isinstance(error, SpoolError)


def _refused(app: Application, memory: Memory, error: ShipslogError) -> Draft:
    """The record of a commit that was held back: the same for the same commit and wish, whoever finds out again."""
    sha = memory.seen.sha if memory.seen else ""
    id_ = ""
    if isinstance(error, Terminal):
        id_ = derived("refused", app.uid, str(app.generation), sha, error.cause, str(error))
    asked = app.annotations.get(SYNC_ANNOTATION, "")
    by_user = bool(asked) and asked != app.status.last_handled_sync
    return draft(
        app,
        EventType.SYNC_REFUSED,
        id=id_,
        actor=Actor(kind="user", name=app.annotations.get(ACTOR_ANNOTATION, "") or "unknown") if by_user else Actor(),
        outcome="refused" if isinstance(error, Terminal) else "failure",
        revision=sha,
        reason=str(error)[:4096],
        detail={"cause": error.cause},
    )


def _observed(app: Application, memory: Memory) -> tuple[Draft, ...]:
    """The record of the commit itself, where no run of it will bring one."""
    if memory.seen is None or memory.seen.sha == app.status.revision.sha:
        return ()
    return (observed(app, memory.seen),)


def _unsaid(app: Application, memory: Memory, error: ShipslogError) -> bool:
    """Whether this was not recorded yet by this process; it counts as said from now on.

    Of failures that may pass only the cause counts: which object is named first changes from try to try.
    """
    sha = memory.seen.sha if memory.seen else ""
    words = str(error) if isinstance(error, Terminal) else error.cause
    said, memory.spoken = memory.spoken, f"{app.generation} {sha} {words}"
    return memory.spoken != said


def _again(app: Application, memory: Memory, error: ShipslogError) -> Fate:
    if isinstance(error, Terminal) and not set(error.underlying or (error.cause,)) <= OUTSIDE:
        return Trigger.INTERVAL, seconds(app.spec.sync.interval)
    if isinstance(error, NotReady):
        return Trigger.RETRY, error.after
    return Trigger.RETRY, max(0.5, Backoff(2.0, 180.0).delay(memory.failures, _jitter))


def _request_handled(app: Application, status: ApplicationStatus) -> ApplicationStatus:
    """A request that ended in a refusal was handled; one that met a passing failure is tried again."""
    asked = app.annotations.get(SYNC_ANNOTATION, "")
    return msgspec.structs.replace(status, last_handled_sync=asked) if asked else status


def _fate(error: ShipslogError) -> str:
    if isinstance(error, Terminal):
        return "terminal"
    return "not_ready" if isinstance(error, NotReady) else "transient"


def _known_health(app: Application, rooms: Rooms) -> Health:
    """The last verdict; it is unknown whether that still holds where nothing is seen of the cluster."""
    known = next((condition for condition in app.status.conditions if condition.type == "Healthy"), None)
    if known is None:
        return Health(HealthStatus.UNKNOWN, "not looked at yet")
    health = Health(HealthStatus(known.reason), known.message)
    cluster = app.spec.destination.cluster
    unseen = rooms.fleet.unseen(cluster)
    if not unseen or health.status is HealthStatus.UNKNOWN:
        return health
    seen = f"{health.status.value}, {health.message}" if health.message else health.status.value
    return Health(HealthStatus.UNKNOWN, f"cluster {cluster} is not seen: {unseen}; when last seen: {seen}")
