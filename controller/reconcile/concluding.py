"""What came of a look: written to the status, recorded where it changed, and when to look again."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.errors import NotReady, ShipslogError, Terminal, Unreachable
from controller.fetch.errors import CommitNotFound, RefNotFound
from controller.metrics import ApplicationState
from controller.model.application import Application, ApplicationStatus, InventoryEntry
from controller.model.condition import Condition, merge
from controller.model.duration import seconds
from controller.model.event import Draft, EventType, Outcome
from controller.model.health import Health, HealthStatus, worst
from controller.model.labels import SYNC_ANNOTATION
from controller.model.plan import Action, Plan
from controller.model.run import Phase, Run, Trigger
from controller.reconcile.deleting import home_of
from controller.reconcile.moment import epoch, whole
from controller.reconcile.queue import Fate
from controller.reconcile.rooms import Case, Memory, Rooms, Saying, draft, memory_of
from controller.reconcile.syncing import entry_of, finish, verdict_on
from controller.record.errors import SpoolError
from controller.record.identifier import derived
from controller.record.status import Findings, Truth, conditions
from controller.tasks import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.apply.execute import Result
    from controller.govern.judge import Verdict

_NAMED = 3
_log = logs.get_logger(__name__)
_jitter = random.Random()  # noqa: S311 - spreads load, guards nothing


async def conclude(case: Case, plan: Plan, verdict: Verdict, run: Run | None, results: Sequence[Result]) -> Fate:
    """Write down a look that went through; `run` is the one begun by it, if any."""
    inventory = _inventory(case, plan, results)
    health = _health(case, inventory)
    status = msgspec.structs.replace(case.app.status, inventory=inventory, drift=case.memory.drifts or ())
    if run is not None:
        status = msgspec.structs.replace(status, last_run=run)
    elif case.requested:
        # Asked for and not allowed: that is an answer, too.
        status = msgspec.structs.replace(status, last_handled_sync=case.app.annotations[SYNC_ANNOTATION])
    status = await _advance_run(case, status, health)
    case.target.live.attend(case.owner, frozenset(drift.object for drift in status.drift))
    found = _findings(case, plan, verdict, status, health)
    await _health_moved(case.app, case.rooms, found)
    await _refusal(case, verdict)
    await _write(case.app, case.rooms, status, found, case.said)
    return _next(case, status)


async def fail(app: Application, rooms: Rooms, error: ShipslogError, work_trigger: Trigger) -> Fate:
    """Write down a look that could not be finished; what stands in the cluster stays as it is."""
    memory = memory_of(rooms, app)
    memory.failures += 1
    known = {condition.type: condition for condition in app.status.conditions}
    terminal = isinstance(error, Terminal)
    found = Findings(
        generation=app.generation,
        synced="Unknown" if not terminal else "False",
        reason=error.cause,
        message=str(error),
        health=_known_health(known.get("Healthy")),
        progressing="" if terminal else "trying again",
        stalled=str(error) if terminal else "",
    )
    said: list[Saying] = []
    if _is_about_the_input(error) and _unsaid(app, memory, str(error)):
        await rooms.ledger.append(_refused(app, error))
        said.append(Saying(found.reason, str(error), warning=True))
    _log.warning("Look failed", trigger=work_trigger.value, fate=type(error).__name__, error=str(error))
    rooms.metrics.reconciles.labels(fate=_fate(error)).inc()
    for cause in error.underlying:
        rooms.metrics.object_failed(app.spec.destination.cluster, cause)
    await _write(app, rooms, _failed_sync_handled(app, terminal=terminal), found, said)
    return _again(app, memory, error)


def _is_about_the_input(error: ShipslogError) -> bool:
    """Whether an auditor should hear of it: not of what is merely away, or of our own spool."""
    if isinstance(error, RefNotFound | CommitNotFound):
        return True  # what was there may be gone: a branch deleted, a tag moved away
    return not isinstance(error, Unreachable | NotReady) and not isinstance(error, SpoolError)


def _refused(app: Application, error: ShipslogError) -> Draft:
    outcome: Outcome = "refused" if isinstance(error, Terminal) else "failure"
    detail = {"cause": error.cause}
    return draft(app, EventType.SYNC_REFUSED, outcome=outcome, reason=str(error)[:4096], detail=detail)


async def rest(app: Application, rooms: Rooms) -> Fate:
    """Write down that a suspended Application is left alone."""
    known = {condition.type: condition for condition in app.status.conditions}
    synced = known.get("Synced")
    found = Findings(
        generation=app.generation,
        synced=synced.status if synced else "Unknown",
        reason="Suspended",
        message="spec.suspend is true",
        health=_known_health(known.get("Healthy")),
    )
    await _write(app, rooms, app.status, found, [])
    return None


# -- the pieces ------------------------------------------------------------------------------------------------------


def _inventory(case: Case, plan: Plan, results: Sequence[Result]) -> tuple[InventoryEntry, ...]:
    """What we own now: all we wrote or may have written, and what should go but did not."""
    if home_of(case.app) != case.app.spec.destination.cluster:
        return case.app.status.inventory  # held before it moved: all of it stands where it stood
    wanted = case.wish.by_id
    done = {result.step.id for result in results if not result.error}
    staying = {
        step.id
        for step in plan.steps
        if step.id not in wanted
        and step.action in {Action.PRUNE, Action.SKIP}
        and step.id not in done
        and not step.released
    }
    entries = {entry.id: entry for entry in case.app.status.inventory if entry.id in wanted or entry.id in staying}
    entries |= {id_: entry_of(manifest) for id_, manifest in wanted.items() if id_ in entries}
    return tuple(sorted(entries.values(), key=lambda entry: entry.id))


def _health(case: Case, inventory: Sequence[InventoryEntry]) -> Health:
    """The worst verdict over our objects; it names the first few that have it."""
    live, verdicts = case.target.live, []
    for entry in inventory:
        view = live.view(entry.id)
        if view is not None:
            verdict = view.health
        elif live.watched(entry.id.group_kind):
            verdict = Health(HealthStatus.MISSING, "it does not exist")
        else:
            verdict = Health(HealthStatus.PROGRESSING, "it was not seen yet")
        verdicts.append((entry.id, verdict))
    overall = worst(verdict for _, verdict in verdicts)
    if overall.status is HealthStatus.HEALTHY:
        return Health(HealthStatus.HEALTHY, f"{len(verdicts)} objects")
    bad = [f"{id_}: {verdict.message}" for id_, verdict in verdicts if verdict.status is overall.status]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return Health(overall.status, "; ".join(bad[:_NAMED]) + more)


async def _advance_run(case: Case, status: ApplicationStatus, health: Health) -> ApplicationStatus:
    run = status.last_run
    if run is None:
        return status
    if run.phase is Phase.APPLYING:
        delay = max(_retry_delay(case.app, run.attempt), case.memory.retry_after)
        case.memory.retry_at = time.monotonic() + delay
        return await finish(case, status, run, Phase.FAILED, run.message)
    if run.phase is not Phase.WAITING:
        return status
    healthy = health.status in {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
    verdict = verdict_on(case, run, health, healthy=healthy)
    return await finish(case, status, run, *verdict) if verdict else status


def _findings(case: Case, plan: Plan, verdict: Verdict, status: ApplicationStatus, health: Health) -> Findings:
    run, generation = status.last_run, case.app.generation
    synced: Truth = "True"
    # The revision that the objects came with: a commit elsewhere in the repository is no news of this Application.
    revision = f"revision {status.revision.sha[:8]}"
    reason, message, progressing = "Synced", "; ".join((revision, *case.wish.warnings)), ""
    if not verdict.allowed:
        synced, reason, message = "False", verdict.reason, verdict.message
    elif run and not run.applied and run.phase is Phase.FAILED:
        synced, reason, message = "False", "ApplyFailed", run.message
        progressing = "trying again" if run.attempt < case.app.spec.sync.retry.limit else ""
    elif any(step.action is Action.SKIP and step.manifest is None and "false" in step.reason for step in plan.steps):
        synced, reason, message = "False", "PruneSkipped", "objects that left Git stay: sync.prune is false"
    if run and run.phase is Phase.WAITING:
        progressing = f"waiting for health: {health.message}"
    stalled = verdict.message if verdict.refused else ""
    return Findings(
        generation=generation,
        synced=synced,
        reason=reason,
        message=message,
        health=health,
        progressing=progressing,
        stalled=stalled,
    )


async def _health_moved(app: Application, rooms: Rooms, found: Findings) -> None:
    known = next((condition for condition in app.status.conditions if condition.type == "Healthy"), None)
    before, since = (known.reason, known.last_transition_time) if known else ("", "")
    after = found.health.status.value
    if before == after:
        return
    last = app.status.last_run
    await rooms.ledger.append(
        draft(
            app,
            EventType.HEALTH_CHANGED,
            id=derived("health", app.uid, last.id if last else "", since, before, after, app.resource_version),
            reason=found.health.message[:2048],
            revision=app.status.revision.sha,
            detail={"before": before, "after": after},
        )
    )


async def _refusal(case: Case, verdict: Verdict) -> None:
    if not verdict.refused:
        case.memory.spoken = ""
    elif _unsaid(case.app, case.memory, verdict.message):
        await case.rooms.ledger.append(
            case.draft(
                EventType.SYNC_REFUSED,
                outcome="refused",
                reason=verdict.message,
                revision=case.wish.revision.sha,
                detail={"cause": verdict.reason},
            )
        )
        case.say(verdict.reason, verdict.message, warning=True)


def _unsaid(app: Application, memory: Memory, message: str) -> bool:
    """Whether this refusal was not recorded yet, by this process or an earlier one; it counts as said from now on."""
    shown = {condition.message for condition in app.status.conditions if condition.type in {"Stalled", "Synced"}}
    said, memory.spoken = message == memory.spoken or message[:8192] in shown, message
    return not said


async def _write(
    app: Application, rooms: Rooms, status: ApplicationStatus, found: Findings, said: Sequence[Saying]
) -> None:
    drifted = len(status.drift)
    status = msgspec.structs.replace(
        status,
        conditions=merge(app.status.conditions, conditions(found), whole(rooms.now())),
        observed_generation=app.generation,
        summary=f"{len(status.inventory)} objects" + (f", {drifted} drifted" if drifted else ""),
    )
    app = await rooms.announcer.status(app, status)
    _show(app, rooms, found)
    for saying in said:
        await rooms.announcer.event(app, saying.reason, saying.message, kind="Warning" if saying.warning else "Normal")


def _show(app: Application, rooms: Rooms, found: Findings) -> None:
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
            drifted=len(app.status.drift),
            objects=len(app.status.inventory),
            suspended=app.spec.suspend,
            mode=app.spec.sync.mode,
        )
    )


def _next(case: Case, status: ApplicationStatus) -> Fate:
    run, spec = status.last_run, case.app.spec
    due = case.memory.compared_at + seconds(spec.sync.interval) * _jitter.uniform(0.9, 1.1) - time.monotonic()
    fates: list[tuple[float, Trigger]] = [(max(due, 1.0), Trigger.INTERVAL)]
    if run and run.phase is Phase.WAITING:
        fates.append((max(epoch(run.deadline) - case.rooms.now(), 0.0), Trigger.HEALTH))
    if run and run.phase is Phase.FAILED and not run.applied and run.attempt < spec.sync.retry.limit:
        fates.append((max(case.memory.retry_at - time.monotonic(), 0.0), Trigger.RETRY))
    if case.memory.heal_at > time.monotonic():
        fates.append((case.memory.heal_at - time.monotonic(), Trigger.DRIFT))
    case.rooms.metrics.reconciles.labels(fate="waiting" if len(fates) > 1 else "done").inc()
    delay, trigger = min(fates)
    return trigger, delay


def _retry_delay(app: Application, attempt: int) -> float:
    backoff = app.spec.sync.retry.backoff
    return Backoff(seconds(backoff.duration), seconds(backoff.max_duration), backoff.factor).ceiling(attempt)


def _again(app: Application, memory: Memory, error: ShipslogError) -> Fate:
    if isinstance(error, Terminal):
        return Trigger.INTERVAL, seconds(app.spec.sync.interval)
    if isinstance(error, NotReady):
        return Trigger.RETRY, error.after
    return Trigger.RETRY, max(0.5, Backoff(2.0, 180.0).delay(memory.failures, _jitter))


def _failed_sync_handled(app: Application, *, terminal: bool) -> ApplicationStatus:
    """A request that ended in a refusal was handled; one that met a passing failure is tried again."""
    asked = app.annotations.get(SYNC_ANNOTATION, "")
    return msgspec.structs.replace(app.status, last_handled_sync=asked) if terminal and asked else app.status


def _fate(error: ShipslogError) -> str:
    if isinstance(error, Terminal):
        return "terminal"
    return "not_ready" if isinstance(error, NotReady) else "transient"


def _known_health(condition: Condition | None) -> Health:
    if condition is None:
        return Health(HealthStatus.UNKNOWN, "not looked at yet")
    return Health(HealthStatus(condition.reason), condition.message)
