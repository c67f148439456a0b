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
from controller.model.application import DIGEST, ApplicationStatus, InventoryEntry
from controller.model.condition import merge
from controller.model.duration import seconds
from controller.model.event import Draft
from controller.model.labels import SYNC_ANNOTATION
from controller.model.plan import Action, Plan
from controller.model.run import FINAL, Counts, Phase, Run
from controller.reconcile.drifting import healed
from controller.reconcile.ending import end
from controller.reconcile.intent import How, intent
from controller.reconcile.moment import epoch, rfc3339, whole
from controller.reconcile.records import apply_intent, apply_result, object_written, plan_computed
from controller.reconcile.rooms import observed
from controller.record.status import applying

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from controller.model.health import Health
    from controller.model.live import Baseline
    from controller.model.manifest import Manifest
    from controller.model.objects import ObjectId
    from controller.model.plan import Step
    from controller.reconcile.rooms import Case


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
        status = await finish(case, status, last, Phase.SUPERSEDED, _superseded(case, status))
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
        manifest.id: entry_of(manifest, inventory.get(manifest.id))
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
    case.memory.run = run
    faults.reach("after-inventory")
    await case.rooms.ledger.append(plan_computed(case, plan, run))
    faults.reach("after-plan-recorded")
    return run


async def carry_out(case: Case, plan: Plan, run_id: str, kind: str) -> tuple[Result, ...]:
    """Execute the plan's writes between a durable intent and its result; drift that it ends is recorded.

    Raises SpoolError where the intent can't be made durable: then nothing was written.
    """
    if not plan.writes:
        return ()
    results: list[Result] = []

    def concluded(intent_id: str, how: How) -> Draft:
        return apply_result(case, plan, results, run_id, intent_id, how)

    async with intent(case.rooms.ledger, case.memory, apply_intent(case, plan, run_id, kind), concluded) as under_way:

        async def on_result(result: Result) -> None:
            faults.reach("after-write")
            results.append(result)
            _learn(case, result)
            await under_way.record(object_written(case, result, run_id, under_way.id))
            faults.reach("after-object-recorded")

        with case.rooms.metrics.stage_duration.labels(stage="apply").time():
            await execute(case.target.client, plan, _terms(case), on_result)
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
        run = msgspec.structs.replace(run, phase=Phase.WAITING, applied=True, counts=counts, deadline=deadline)
    else:
        case.memory.retry_after = max(result.after for result in failed)
        run = msgspec.structs.replace(run, message=_sentence(plan, results, failed), counts=counts)
    case.memory.run = run
    return run


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


def _superseded(case: Case, status: ApplicationStatus) -> str:
    """By what, and how its objects did until then: whether the rollout would have succeeded, nobody knows."""
    health = next((condition for condition in status.conditions if condition.type == "Healthy"), None)
    until = f", last seen {health.reason}: {health.message}" if health and health.status != "True" else ""
    return f"superseded by revision {case.wish.revision.sha[:8]} before it was healthy{until}"[:2048]


async def finish(case: Case, status: ApplicationStatus, run: Run, phase: Phase, message: str) -> ApplicationStatus:
    """End a run: recorded, counted, and moved into the history of the status that is given back."""
    ended = msgspec.structs.replace(run, phase=phase, message=message)
    status, saying = await end(case.app, status, ended, case.rooms, case.actor)
    if status.last_run and status.last_run.phase is not Phase.SUPERSEDED:
        case.said.append(saying)
    return status


def entry_of(
    manifest: Manifest, known: InventoryEntry | None, *, applied: bool = False, baseline: Baseline | None = None
) -> InventoryEntry:
    """The inventory entry of a wish, which was applied by now, or else as long ago as the entry knows.

    `baseline` is what stood after that, where it is known.
    """
    mark = baseline.ownership[:DIGEST] if baseline and baseline.manifest == manifest.digest else ""
    return InventoryEntry(
        group=manifest.id.group,
        version=manifest.api_version.rpartition("/")[2],
        kind=manifest.id.kind,
        namespace=manifest.id.namespace,
        name=manifest.id.name,
        digest=manifest.digest[:DIGEST] if applied else known.digest if known else "",
        mark=mark if applied else known.mark if known else "",
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
