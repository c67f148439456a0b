"""The records of a run, from what it knows: its plan, intent, objects, result and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.model.event import Actor, Draft, Event, EventType, Outcome
from controller.model.plan import Action, Plan
from controller.model.run import Counts, Phase, Run
from controller.reconcile.brief import brief
from controller.reconcile.drifting import changes
from controller.reconcile.moment import epoch
from controller.reconcile.rooms import draft
from controller.record.identifier import derived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.apply.execute import Result
    from controller.model.application import Application
    from controller.reconcile.intent import How
    from controller.reconcile.rooms import Case

OBJECTS = 200
"""Objects that one record names; it says how many there were."""


def plan_computed(case: Case, plan: Plan, run: Run) -> Draft:
    """What a run is about to change."""
    steps = [
        {"action": step.action.value, "object": str(step.id), "reason": step.reason, "fields": len(step.changes)}
        for step in plan.steps
        if step.action is not Action.UNCHANGED
    ]
    differences = {str(step.id): changes(step)[:5] for step in plan.writes[:20] if step.changes}
    detail = {"counts": plan.counts(), "steps": steps[:OBJECTS], "differences": differences, "digest": run.digest}
    return case.draft(
        EventType.PLAN_COMPUTED,
        correlation_id=run.id,
        revision=run.revision,
        detail=brief(detail, "differences", "steps"),
    )


def apply_intent(case: Case, plan: Plan, run_id: str, kind: str) -> Draft:
    """The writes that are about to be sent."""
    objects = [f"{step.action} {step.id}" for step in plan.writes]
    detail = {"kind": kind, "objects": objects[:OBJECTS], "objectsInAll": len(objects), "digest": case.wish.digest}
    return case.draft(
        EventType.APPLY_INTENT,
        correlation_id=run_id,
        revision=case.wish.revision.sha,
        detail=brief(detail, "objects"),
    )


def object_written(case: Case, result: Result, run_id: str, intent_id: str) -> Draft:
    """What came of one write."""
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
        causation_id=intent_id,
        revision=case.wish.revision.sha,
        outcome="failure" if result.error else "success",
        reason=result.error[:2048] or step.reason,
        detail=detail | ({"cause": result.cause} if result.cause else {}),
    )


def apply_result(case: Case, plan: Plan, results: Sequence[Result], run_id: str, intent_id: str, how: How) -> Draft:
    """How the writes of an intent ended; unknown where some may have been under way."""
    failed = sum(1 for result in results if result.error)
    outcome: Outcome = "failure" if failed else "success"
    if how == "broken off" and len(results) < len(plan.writes):
        outcome = "unknown"  # requests may have been under way
    return case.draft(
        EventType.APPLY_RESULT,
        correlation_id=run_id,
        causation_id=intent_id,
        revision=case.wish.revision.sha,
        outcome=outcome,
        detail={"written": len(results) - failed, "failed": failed, "wanted": len(plan.writes)},
    )


def sync_completed(app: Application, actor: Actor, run: Run, now: float) -> Draft:
    """How a run ended."""
    outcome = {Phase.SUCCEEDED: "success", Phase.FAILED: "failure"}.get(run.phase, "unknown")
    return draft(
        app,
        EventType.SYNC_COMPLETED,
        actor=actor,
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
            "applied": run.applied,
        },
    )


class _End(msgspec.Struct, frozen=True):
    phase: Phase
    counts: Counts = Counts()
    applied: bool | None = None


class _Completed(msgspec.Struct, frozen=True):
    occurred_at: str
    detail: _End
    reason: str = ""


def as_recorded(run: Run, completed: Event) -> Run:
    """A run that ends, with the end that the ledger has: what was recorded first stands."""
    said = msgspec.json.decode(completed.body, type=_Completed)
    if (said.detail.phase, said.reason) == (run.phase, run.message[:2048] or run.phase.value):
        return run
    applied = said.detail.applied
    return msgspec.structs.replace(
        run,
        phase=said.detail.phase,
        message="" if said.reason == said.detail.phase.value else said.reason,
        finished_at=said.occurred_at,
        counts=said.detail.counts,
        applied=said.detail.phase is Phase.SUCCEEDED if applied is None else applied,
    )
