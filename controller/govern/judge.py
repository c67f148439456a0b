"""May it be done? PURE: a plan and a policy in, a verdict out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from controller.model.application import ApplicationSpec
from controller.model.plan import Action, Plan, Step


class Verdict(msgspec.Struct, frozen=True):
    """Whether a plan may be carried out. `reason` is a condition's reason, `message` its sentence.

    `refused` marks what somebody must hear of: it is recorded as a denial, not just as waiting.
    """

    allowed: bool
    reason: str = ""
    message: str = ""
    refused: bool = False


ALLOWED = Verdict(allowed=True)


def judge(spec: ApplicationSpec, plan: Plan, *, requested: bool, suspended_cluster: bool, inventory: int) -> Verdict:
    """The verdict on a plan's writes. `requested`: a person asked for this sync; `inventory`: objects owned now."""
    if not plan.writes:
        return ALLOWED
    if suspended_cluster:
        return _held("ClusterSuspended", f"cluster {spec.destination.cluster} is suspended")
    if spec.sync.mode == "detect":
        return _held(_reason(plan.writes), f"{_would(plan.writes)}; sync.mode is detect")
    if _empties(plan, inventory) and not spec.sync.allow_empty:
        message = f"the revision has no objects, all {inventory} would be pruned: set sync.allowEmpty if that is meant"
        return Verdict(allowed=False, reason="WouldEmpty", message=message, refused=True)
    return ALLOWED if requested else _unasked(spec, plan.writes)


def _unasked(spec: ApplicationSpec, writes: Sequence[Step]) -> Verdict:
    if spec.sync.mode == "manual":
        return _held(_reason(writes), f"{_would(writes)}; sync.mode is manual")
    if not spec.sync.self_heal and all(step.drifted for step in writes):
        return _held("Drifted", f"{_would(writes)}; sync.selfHeal is false")
    return ALLOWED


def _held(reason: str, message: str) -> Verdict:
    return Verdict(allowed=False, reason=reason, message=message)


def _empties(plan: Plan, inventory: int) -> bool:
    prunes = sum(step.action is Action.PRUNE for step in plan.steps)
    return inventory > 0 and prunes > 0 and all(step.manifest is None or not step.manifest.owned for step in plan.steps)


def _reason(writes: Sequence[Step]) -> str:
    return "Drifted" if all(step.drifted for step in writes) else "OutOfSync"


def _would(writes: Sequence[Step]) -> str:
    named = ", ".join(f"{step.action} {step.id}" for step in writes[:3])
    return f"a sync would {named}" + (f" and {len(writes) - 3} more" if len(writes) > 3 else "")
