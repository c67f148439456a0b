"""What a look must remark on though its plan went through: deletions that do not end, objects that two want."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.model.duration import seconds
from controller.model.event import EventType, Outcome
from controller.model.run import Trigger
from controller.reconcile.handover import patience
from controller.reconcile.moment import epoch
from controller.reconcile.teardown import stuck

if TYPE_CHECKING:
    from controller.model.plan import Plan
    from controller.reconcile.rooms import Case

_NAMED = 3
SHARED, DELETING, STUCK, EMPTY, DOUBT = "Shared", "Deleting", "StuckInDeletion", "Empty", "PruneInDoubt"


class Remark(msgspec.Struct, frozen=True):
    """A reason and a sentence for the condition Synced; one that is no `fault` leaves it True."""

    reason: str
    message: str
    fault: bool = True
    passing: bool = False
    """It ends by itself."""
    recorded: bool = True
    """It belongs into the ledger, too."""


def remark(case: Case, plan: Plan) -> Remark | None:
    """The gravest remark there is to make; None where there is none."""
    return _going(case, plan) or _doubted(case, plan) or _shared(case) or _empty(case)


async def told(case: Case, said: Remark | None) -> None:
    """Record a remark, and say it as an Event, once: not while the condition says it already."""
    known = next((condition for condition in case.app.status.conditions if condition.type == "Synced"), None)
    if said is None or said.passing or (known and known.reason == said.reason):
        return
    if said.recorded:
        outcome: Outcome = "refused" if said.reason == SHARED else "failure"
        await case.rooms.ledger.append(
            case.draft(
                EventType.SYNC_REFUSED,
                outcome=outcome,
                reason=said.message[:4096],
                revision=case.wish.revision.sha,
                detail={"cause": said.reason},
            )
        )
    case.say(said.reason, said.message, warning=True)


def due(case: Case, plan: Plan) -> list[tuple[float, Trigger]]:
    """When a deletion under way will have taken long, and when others may have said whether they want an object."""
    now, limit = case.rooms.now(), seconds(case.app.spec.sync.timeout)
    left = [epoch(step.going.since) + limit - now for step in plan.steps if step.going]
    again = patience(case.app, case.rooms)
    return [(wait + 1, Trigger.HEALTH) for wait in sorted(left) if wait > 0][:1] + [(again, Trigger.RETRY)][: again > 0]


def _going(case: Case, plan: Plan) -> Remark | None:
    steps = [step for step in plan.steps if step.going]
    if not steps:
        return None
    long = [step for step in steps if stuck(step, case.app, case.rooms.now())]
    named = long or steps
    message = "; ".join(f"{step.id}: {step.going}" for step in named[:_NAMED])
    message += f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    if not long:
        return Remark(DELETING, message, passing=True)
    return Remark(STUCK, f"{message} (have the owner of the finalizers let go, or remove them by hand)")


def _doubted(case: Case, plan: Plan) -> Remark | None:
    known = case.rooms.claims.doubts.get(case.app.key)
    held = [step for step in plan.steps if step.manifest is None and known and known.why in step.reason]
    if known is None or not held:
        return None
    message = f"{held[0].id}" + (f" and {len(held) - 1} more" if len(held) > 1 else "")
    return Remark(DOUBT, f"{message}: not deleted yet: {known.why}", passing=True)


def _shared(case: Case) -> Remark | None:
    found = list(case.rooms.claims.shared(case.app.key))
    if not found:
        return None
    named = [f"{wanted} is declared by Application {', '.join(map(str, others))}, too" for wanted, others in found]
    message = "; ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")
    return Remark(SHARED, f"{message}: it stays here; remove it from one of the two", fault=False)


def _empty(case: Case) -> Remark | None:
    """Nothing is wished: true to Git, and most often a path that was forgotten."""
    if case.wish.manifests:
        return None
    message = f"path {case.app.spec.source.path} has no manifests: correct spec.source.path, or commit one"
    return Remark(EMPTY, message, fault=False, recorded=False)
