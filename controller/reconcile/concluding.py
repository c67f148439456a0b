"""What came of a look: written to the status, recorded where it changed, and when to look again."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.model.application import ApplicationStatus, InventoryEntry
from controller.model.duration import seconds
from controller.model.event import EventType
from controller.model.health import Health, HealthStatus
from controller.model.labels import SYNC_ANNOTATION
from controller.model.plan import Action, Plan
from controller.model.run import Phase, Run, Trigger
from controller.reconcile.autoscaling import AUTOSCALERS_AGAIN
from controller.reconcile.deleting import home_of
from controller.reconcile.drifting import attended
from controller.reconcile.ending import retry_delay
from controller.reconcile.finding import Outcome, findings
from controller.reconcile.moment import epoch
from controller.reconcile.queue import Fate
from controller.reconcile.remarks import due as overdue
from controller.reconcile.remarks import remark, told
from controller.reconcile.rooms import Case
from controller.reconcile.standing import health_of
from controller.reconcile.syncing import entry_of, finish, verdict_on
from controller.reconcile.telling import tell
from controller.tasks import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.apply.execute import Result
    from controller.govern.judge import Verdict

_log = logs.get_logger(__name__)
_jitter = random.Random()  # noqa: S311 - spreads load, guards nothing
HEAL_AGAIN = Backoff(2.0, 60.0)
"""Waits until a heal that failed is tried again."""


async def conclude(case: Case, plan: Plan, verdict: Verdict, run: Run | None, results: Sequence[Result]) -> Fate:
    """Write down a look that went through; `run` is the one begun by it, if any."""
    inventory = _inventory(case, plan, results)
    health = health_of(case.target.live, inventory)
    status = msgspec.structs.replace(case.app.status, inventory=inventory, drift=case.memory.drifts or ())
    if run is not None:
        status = msgspec.structs.replace(status, last_run=run)
    elif case.requested:
        # Asked for and not allowed: that is an answer, too.
        status = msgspec.structs.replace(status, last_handled_sync=case.app.annotations[SYNC_ANNOTATION])
    status = await _advance_run(case, status, health)
    if status.last_run and status.last_run.applied and status.last_run.digest == case.wish.digest:
        case.memory.applied = case.wish
    status = msgspec.structs.replace(status, attempted=_attempted(case, status))
    case.target.live.attend(case.owner, attended(case, case.memory.drifts or ()))
    unhealed, said = _unhealed(case, run, results), remark(case, plan)
    await told(case, said)
    outcome = Outcome(verdict=verdict, status=status, health=health, unhealed=unhealed, remark=said)
    await _refusal(case, verdict)
    await tell(case.app, case.rooms, status, findings(case, outcome), case.said)
    return _next(case, plan, status)


def _attempted(case: Case, status: ApplicationStatus) -> str:
    """The commit that is wanted; a later one that wants the same is no news of this Application."""
    run = status.last_run
    stands = run is not None and run.applied and run.digest == case.wish.digest
    return status.revision.sha if stands else case.wish.revision.sha


def _inventory(case: Case, plan: Plan, results: Sequence[Result]) -> tuple[InventoryEntry, ...]:
    """What we own now: all we wrote or may have written, and what should go but did not."""
    if home_of(case.app) != case.app.spec.destination.cluster:
        return case.app.status.inventory  # held before it moved: all of it stands where it stood
    wanted = case.wish.by_id
    done = {result.step.id for result in results if not result.error and not result.going}
    staying = {
        step.id
        for step in plan.steps
        if step.id not in wanted
        and step.action in {Action.PRUNE, Action.SKIP}
        and step.id not in done
        and not step.released
    }
    entries = {entry.id: entry for entry in case.app.status.inventory if entry.id in wanted or entry.id in staying}
    stands = done | {step.id for step in plan.steps if step.action is Action.UNCHANGED}
    # Of what is left to others by itself the fields don't tell when they are ours again: no restart may trust them.
    baselines = {id_: baseline for id_, baseline in case.memory.baselines.items() if str(id_) not in case.memory.notes}
    entries |= {
        id_: entry_of(manifest, entries[id_], applied=id_ in stands, baseline=baselines.get(id_))
        for id_, manifest in wanted.items()
        if id_ in entries
    }
    return tuple(sorted(entries.values(), key=lambda entry: entry.id))


async def _advance_run(case: Case, status: ApplicationStatus, health: Health) -> ApplicationStatus:
    run = status.last_run
    if run is None:
        return status
    if run.phase is Phase.APPLYING:
        delay = max(retry_delay(case.app, run.attempt), case.memory.retry_after)
        case.memory.retry_at = time.monotonic() + delay
        return await finish(case, status, run, Phase.FAILED, run.message)
    if run.phase is not Phase.WAITING:
        return status
    healthy = health.status in {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
    verdict = verdict_on(case, run, health, healthy=healthy)
    return await finish(case, status, run, *verdict) if verdict else status


async def _refusal(case: Case, verdict: Verdict) -> None:
    if not verdict.refused:
        case.memory.spoken = ""
    elif case.memory.spoken != verdict.message:
        case.memory.spoken = verdict.message
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


def _unhealed(case: Case, run: Run | None, results: Sequence[Result]) -> str:
    """What could not be written back outside of a run, and when it is tried again; empty when all went well."""
    failed = [result for result in results if result.error] if run is None else []
    memory = case.memory
    if not failed:
        memory.unhealed = 0
        return ""
    memory.retry_at = time.monotonic() + max(HEAL_AGAIN.delay(memory.unhealed, _jitter), 0.5)
    memory.unhealed += 1
    return "; ".join(f"{result.step.id}: {result.error}" for result in failed[:5])


def _next(case: Case, plan: Plan, status: ApplicationStatus) -> Fate:
    run, spec = status.last_run, case.app.spec
    due = case.memory.compared_at + seconds(spec.sync.interval) * _jitter.uniform(0.9, 1.1) - time.monotonic()
    fates: list[tuple[float, Trigger]] = [(max(due, 1.0), Trigger.INTERVAL), *overdue(case, plan)]
    if run and run.phase is Phase.WAITING:
        fates.append((max(epoch(run.deadline) - case.rooms.now(), 0.0), Trigger.HEALTH))
    if run and run.phase is Phase.FAILED and not run.applied and run.attempt < spec.sync.retry.limit:
        fates.append((max(case.memory.retry_at - time.monotonic(), 0.0), Trigger.RETRY))
    if case.memory.unhealed:
        fates.append((max(case.memory.retry_at - time.monotonic(), 0.0), Trigger.RETRY))
    if (pause := case.memory.fights.next()) > 0:
        fates.append((pause, Trigger.DRIFT))
    case.rooms.metrics.reconciles.labels(fate="waiting" if len(fates) > 1 else "done").inc()
    if case.memory.notes:
        fates.append((AUTOSCALERS_AGAIN, Trigger.DRIFT))
    delay, trigger = min(fates)
    return trigger, delay
