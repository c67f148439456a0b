"""Runs: begun, carried out, waited for, ended.

A run is a state machine whose state stands in the Application's status, so it survives us:
Applying -> Waiting (for health) -> Succeeded or Failed; a newer wish supersedes one that waits.
Healing drift is no run of its own there: the run that wrote the wish still stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller import faults
from controller.apply.execute import Result, Terms, execute
from controller.diff.plan import baseline_of
from controller.errors import ShipslogError
from controller.model.application import HISTORY, ApplicationStatus, InventoryEntry
from controller.model.condition import merge
from controller.model.duration import seconds
from controller.model.event import Draft, EventType
from controller.model.labels import SYNC_ANNOTATION
from controller.model.plan import Action, Plan
from controller.model.run import FINAL, Counts, Phase, Run
from controller.reconcile.drifting import changes, healed
from controller.reconcile.moment import epoch, rfc3339, whole
from controller.reconcile.rooms import observed
from controller.record.identifier import derived
from controller.record.status import applying

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from controller.model.event import Event
    from controller.model.health import Health
    from controller.model.manifest import Manifest
    from controller.model.objects import ObjectId
    from controller.model.plan import Step
    from controller.reconcile.rooms import Case

OBJECTS = 200
"""Objects that one record names; it says how many there were."""


def is_new(case: Case, plan: Plan) -> bool:
    """Whether a run must begin: a new wish, an unfinished one, a request, or a difference that is not just drift."""
    last = case.app.status.last_run
    if case.requested or last is None or not last.applied or last.digest != case.wish.digest:
        return True
    known = {entry.id for entry in case.app.status.inventory}
    return any(not step.drifted or _unlisted(step, known) for step in plan.writes)


def _unlisted(step: Step, known: Container[ObjectId]) -> bool:
    """A write that the inventory must hold first: only a run writes it."""
    return step.manifest is not None and step.manifest.owned and step.id not in known


async def begin(case: Case, plan: Plan) -> Run:
    """Begin a run: an earlier one that still waits is superseded; the inventory is written before any object."""
    status, now = case.app.status, rfc3339(case.rooms.now())
    last = status.last_run
    if last and last.phase not in FINAL:
        status = await finish(case, status, last, Phase.SUPERSEDED, "a newer run began")
    again = last is not None and last.phase is Phase.FAILED and last.digest == case.wish.digest and not case.requested
    run = Run(
        id=case.rooms.new_id(),
        revision=case.wish.revision.sha,
        digest=case.wish.digest,
        trigger=case.work.trigger,
        actor=case.actor.name,
        phase=Phase.APPLYING,
        started_at=now,
        attempt=last.attempt + 1 if again and last else 0,
    )
    inventory = {entry.id: entry for entry in status.inventory}
    untouched = {step.id for step in plan.steps if step.action is Action.SKIP}
    inventory |= {
        manifest.id: entry_of(manifest)
        for manifest in case.wish.manifests
        if manifest.owned and (manifest.id not in untouched or manifest.id in inventory)
    }
    await _observed(case)
    status = msgspec.structs.replace(
        status,
        last_run=run,
        revision=case.wish.revision,
        inventory=tuple(sorted(inventory.values(), key=lambda entry: entry.id)),
        cluster=case.app.spec.destination.cluster,
        last_handled_sync=_asked(case),
        conditions=merge(status.conditions, applying(status.conditions, case.app.generation), whole(case.rooms.now())),
    )
    faults.reach("before-inventory")
    case.app = await case.rooms.announcer.status(case.app, status)
    faults.reach("after-inventory")
    await case.rooms.ledger.append(_planned(case, plan, run))
    faults.reach("after-plan-recorded")
    return run


async def carry_out(case: Case, plan: Plan, run_id: str, kind: str) -> tuple[Result, ...]:
    """Execute the plan's writes between a durable intent and its result; drift that it ends is recorded.

    Raises SpoolError where the intent can't be made durable: then nothing was written.
    """
    if not plan.writes:
        return ()
    (intent,) = await case.rooms.ledger.append(_intent(case, plan, run_id, kind))
    faults.reach("after-intent")
    results: list[Result] = []

    async def on_result(result: Result) -> None:
        faults.reach("after-write")
        results.append(result)
        _learn(case, result)
        await case.rooms.ledger.append(_written(case, result, run_id, intent))
        faults.reach("after-object-recorded")

    try:
        with case.rooms.metrics.stage_duration.labels(stage="apply").time():
            await execute(case.target.client, plan, _terms(case), on_result)
        faults.reach("before-result")
        await case.rooms.ledger.append(_result(case, results, run_id, intent))
        faults.reach("after-result")
    except ShipslogError:
        # The writes are done and can't be recorded now: the result is owed, and said before anything else.
        case.memory.owed = (*case.memory.owed, _result(case, results, run_id, intent))
        raise
    done = [result.step.id for result in results if not result.error]
    await healed(case, done, run_id)
    faults.reach("after-heal-recorded")
    return tuple(results)


def applied(case: Case, run: Run, plan: Plan, results: Sequence[Result]) -> Run:
    """The run after its writes: waiting for health, or failed."""
    failed = [result for result in results if result.error]
    counts = Counts(
        **(plan.counts() | _done(results)),
        failed=len(failed),
    )
    if not failed:
        deadline = rfc3339(case.rooms.now() + seconds(case.app.spec.sync.timeout))
        return msgspec.structs.replace(run, phase=Phase.WAITING, applied=True, counts=counts, deadline=deadline)
    case.memory.retry_after = max(result.after for result in failed)
    return msgspec.structs.replace(run, message=_sentence(plan, results, failed), counts=counts)


def _sentence(plan: Plan, results: Sequence[Result], failed: Sequence[Result]) -> str:
    """Why the run failed, object by object, and what was not attempted for it."""
    told = [f"{result.step.id}: {result.cause}: {result.error}" for result in failed[:5]]
    if len(failed) > 5:
        told.append(f"{len(failed) - 5} more failed")
    met = {result.step.id for result in results}
    left = sum(step.id not in met for step in plan.writes)
    if left:
        told.append(f"{left} more were not attempted")
    return "; ".join(told)


def _terms(case: Case) -> Terms:
    return Terms(case.owner, case.app.spec.sync.prune_propagation)


def _done(results: Iterable[Result]) -> dict[str, int]:
    counts = {"create": 0, "update": 0, "prune": 0}
    for result in results:
        if not result.error and result.step.action.value in counts:
            counts[result.step.action.value] += 1
    return counts


def verdict_on(case: Case, run: Run, health: Health, *, healthy: bool) -> tuple[Phase, str] | None:
    """How a waiting run ends now, and why; None while it goes on."""
    if healthy:
        return Phase.SUCCEEDED, health.message
    if case.rooms.now() >= epoch(run.deadline):
        return Phase.FAILED, f"not healthy within {case.app.spec.sync.timeout}: {health.status}: {health.message}"
    return None


async def finish(case: Case, status: ApplicationStatus, run: Run, phase: Phase, message: str) -> ApplicationStatus:
    """End a run: recorded, counted, and moved into the history of the status that is given back."""
    now = case.rooms.now()
    ended = msgspec.structs.replace(run, phase=phase, message=message, finished_at=rfc3339(now))
    faults.reach("before-completed")
    await case.rooms.ledger.append(_completed(case, ended, now))
    case.rooms.metrics.runs.labels(trigger=run.trigger.value, outcome=phase.value).inc()
    if phase is Phase.SUCCEEDED and case.wish.revision.committed_at:
        case.rooms.metrics.commit_to_live.observe(max(0.0, now - epoch(case.wish.revision.committed_at)))
    if phase is not Phase.SUPERSEDED:
        short = run.revision[:8]
        case.say(
            f"Sync{phase}",
            f"revision {short}: {message}" if message else f"revision {short}",
            warning=phase is Phase.FAILED,
        )
    return msgspec.structs.replace(status, last_run=ended, history=(ended, *status.history)[:HISTORY])


def entry_of(manifest: Manifest) -> InventoryEntry:
    """The inventory entry of a wish."""
    return InventoryEntry(
        group=manifest.id.group,
        version=manifest.api_version.rpartition("/")[2],
        kind=manifest.id.kind,
        namespace=manifest.id.namespace,
        name=manifest.id.name,
    )


def _asked(case: Case) -> str:
    from_annotation = case.app.annotations.get(SYNC_ANNOTATION, "")
    return from_annotation or case.app.status.last_handled_sync


def _learn(case: Case, result: Result) -> None:
    """What the server answered is the new baseline, ahead of the watch."""
    if result.error:
        case.rooms.metrics.object_failed(case.target.client.name, result.cause)
        return
    if result.answer is not None and result.step.manifest is not None:
        case.memory.baselines[result.step.id] = baseline_of(result.step.manifest, result.answer)
        if result.step.manifest.owned:
            case.target.live.learn(result.answer)
    elif result.step.action is Action.PRUNE:
        case.memory.baselines.pop(result.step.id, None)


async def _observed(case: Case) -> None:
    """Record the revision when it is another one than the last that concerned this Application."""
    if case.wish.revision.sha != case.app.status.revision.sha:
        seen = observed(case.app, case.wish.revision)
        await case.rooms.ledger.append(msgspec.structs.replace(seen, actor=case.actor))


def _planned(case: Case, plan: Plan, run: Run) -> Draft:
    steps = [
        {"action": step.action.value, "object": str(step.id), "reason": step.reason, "fields": len(step.changes)}
        for step in plan.steps
        if step.action is not Action.UNCHANGED
    ]
    differences = {str(step.id): changes(step)[:5] for step in plan.writes[:20] if step.changes}
    return case.draft(
        EventType.PLAN_COMPUTED,
        correlation_id=run.id,
        revision=run.revision,
        detail={"counts": plan.counts(), "steps": steps[:OBJECTS], "differences": differences, "digest": run.digest},
    )


def _intent(case: Case, plan: Plan, run_id: str, kind: str) -> Draft:
    objects = [f"{step.action} {step.id}" for step in plan.writes]
    return case.draft(
        EventType.APPLY_INTENT,
        correlation_id=run_id,
        revision=case.wish.revision.sha,
        detail={"kind": kind, "objects": objects[:OBJECTS], "objectsInAll": len(objects), "digest": case.wish.digest},
    )


def _written(case: Case, result: Result, run_id: str, intent: Event) -> Draft:
    step = result.step
    detail: dict[str, object] = {"action": step.action.value, "seconds": round(result.seconds, 6)}
    if step.manifest:
        detail |= {"manifestDigest": step.manifest.digest, "source": step.manifest.source, "changes": len(step.changes)}
    if step.takeover:
        detail["takenOverFrom"] = list(step.takeover.managers)
    if step.replaces:
        detail["replacedFor"] = list(step.replaces)
    if result.answer is not None:
        detail |= {
            "resourceVersion": result.answer["metadata"]["resourceVersion"],
            "uid": result.answer["metadata"]["uid"],
        }
    return case.draft(
        EventType.PRUNE_OBJECT if step.action is Action.PRUNE else EventType.APPLY_OBJECT,
        object_id=step.id,
        correlation_id=run_id,
        causation_id=intent.id,
        revision=case.wish.revision.sha,
        outcome="failure" if result.error else "success",
        reason=result.error[:2048] or step.reason,
        detail=detail | ({"cause": result.cause} if result.cause else {}),
    )


def _result(case: Case, results: Sequence[Result], run_id: str, intent: Event) -> Draft:
    failed = sum(1 for result in results if result.error)
    return case.draft(
        EventType.APPLY_RESULT,
        correlation_id=run_id,
        causation_id=intent.id,
        revision=case.wish.revision.sha,
        outcome="failure" if failed else "success",
        detail={"written": len(results) - failed, "failed": failed},
    )


def _completed(case: Case, run: Run, now: float) -> Draft:
    outcome = {Phase.SUCCEEDED: "success", Phase.FAILED: "failure"}.get(run.phase, "unknown")
    return case.draft(
        EventType.SYNC_COMPLETED,
        id=derived("completed", run.id),
        correlation_id=run.id,
        revision=run.revision,
        outcome=outcome,
        reason=run.message[:2048] or run.phase.value,
        detail={
            "phase": run.phase.value,
            "trigger": run.trigger.value,
            "seconds": round(now - epoch(run.started_at), 6),
            "counts": msgspec.to_builtins(run.counts),
            "attempt": run.attempt,
        },
    )
