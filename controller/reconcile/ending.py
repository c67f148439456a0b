"""How runs end: recorded, counted, moved into the history. A run ends once, however often somebody finds out.

What the ledger says of it stands: an end that was recorded is not told otherwise later, by no status and no retry.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

from controller import faults
from controller.model.application import HISTORY, Application, ApplicationStatus
from controller.model.duration import seconds
from controller.model.event import Actor
from controller.model.run import FINAL, Phase, Run
from controller.reconcile.moment import epoch, rfc3339
from controller.reconcile.records import as_recorded, sync_completed
from controller.reconcile.rooms import Saying, memory_of
from controller.tasks import Backoff

if TYPE_CHECKING:
    from controller.reconcile.rooms import Rooms

BROKEN_OFF = "broken off by a restart of the controller"
"""What is said of a run that an earlier process left."""
LONGEST = 2048
"""Characters of a run's message."""
_jitter = random.Random()  # noqa: S311 - spreads load, guards nothing


async def end(
    app: Application, status: ApplicationStatus, run: Run, rooms: Rooms, actor: Actor
) -> tuple[ApplicationStatus, Saying]:
    """Record the end of a run, whose phase and message are those it ends with; an end of it that stands is kept.

    Gives the status with the run as it ended, and the Kubernetes Event to emit. Raises SpoolError where the end can't
    be recorded: then it has not ended.
    """
    now, memory = rooms.now(), memory_of(rooms, app)
    run = msgspec.structs.replace(run, finished_at=rfc3339(now))
    faults.reach("before-completed")
    (event,) = await rooms.ledger.append(sync_completed(app, actor, run, now))
    run = as_recorded(run, event)
    if memory.run is None or memory.run.id != run.id or memory.run.phase not in FINAL:  # else it was counted
        _count(status, run, now, rooms)
    memory.run = run
    return with_run(status, run), _saying(run)


def with_run(status: ApplicationStatus, run: Run) -> ApplicationStatus:
    """The status with this run as the last one, and in the history where it has ended."""
    history = (run, *status.history)[:HISTORY] if run.phase in FINAL else status.history
    return msgspec.structs.replace(status, last_run=run, history=history)


async def settle(app: Application, rooms: Rooms) -> Application:
    """Bring the last run to where it came, where the status does not say so: writing that failed, or somebody died.

    A run in the middle of its writes that nobody carries out any more ends: as it was recorded, or else as failed. One
    that this process began counts as a try then, and the next one waits for as long as the Application says.
    """
    last, memory = app.status.last_run, memory_of(rooms, app)
    if last is None or last.phase in FINAL:
        return app
    known = memory.run if memory.run is not None and memory.run.id == last.id else None
    run, saying = known or last, None
    if run.phase is Phase.APPLYING:
        run = msgspec.structs.replace(run, phase=Phase.FAILED, message=run.message or BROKEN_OFF)
        status, saying = await end(app, app.status, run, rooms, _actor_of(run))
        if known and status.last_run and not status.last_run.applied:
            memory.retry_at = time.monotonic() + retry_delay(app, run.attempt)
    elif run != last:
        status = with_run(app.status, run)
        saying = _saying(run) if run.phase in FINAL else None
    else:
        return app
    app = await rooms.announcer.status(app, status)
    if saying:
        await rooms.announcer.event(app, saying.reason, saying.message, kind="Warning" if saying.warning else "Normal")
    return app


def break_off(app: Application, rooms: Rooms, why: str) -> None:
    """Remember what broke the look in which a run of this process was being carried out."""
    memory = memory_of(rooms, app)
    if memory.run is not None and memory.run.phase is Phase.APPLYING and not memory.run.message:
        memory.run = msgspec.structs.replace(memory.run, message=f"broken off: {why}"[:LONGEST])


def retry_delay(app: Application, attempt: int) -> float:
    """Seconds to wait after so many failed tries, by the Application's own backoff, with jitter."""
    backoff = app.spec.sync.retry.backoff
    growing = Backoff(seconds(backoff.duration), seconds(backoff.max_duration), backoff.factor)
    return growing.ceiling(attempt) * _jitter.uniform(0.8, 1)


def _actor_of(run: Run) -> Actor:
    return Actor() if run.actor == Actor().name else Actor(kind="user", name=run.actor)


def _count(status: ApplicationStatus, run: Run, now: float, rooms: Rooms) -> None:
    rooms.metrics.runs.labels(trigger=run.trigger.value, outcome=run.phase.value).inc()
    committed = status.revision.committed_at if status.revision.sha == run.revision else ""
    if run.phase is Phase.SUCCEEDED and committed:
        rooms.metrics.commit_to_live.observe(max(0.0, now - epoch(committed)))


def _saying(run: Run) -> Saying:
    told = f"revision {run.revision[:8]}"
    return Saying(f"Sync{run.phase}", f"{told}: {run.message}" if run.message else told, run.phase is Phase.FAILED)
