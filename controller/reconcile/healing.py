"""Writes of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller import logs
from controller.reconcile.syncing import carry_out

if TYPE_CHECKING:
    from controller.apply.execute import Result
    from controller.model.plan import Plan
    from controller.reconcile.rooms import Case

_log = logs.get_logger(__name__)


async def written(case: Case, plan: Plan, run_id: str, kind: str) -> tuple[Result, ...]:
    """Carry the plan out; all that is logged meanwhile bears the run's identifier."""
    with logs.bound(run=run_id):
        results = await carry_out(case, plan, run_id, kind)
        failed = sum(bool(result.error) for result in results)
        sha, trigger = case.wish.revision.sha, case.work.trigger.value
        _log.info("Plan carried out", kind=kind, revision=sha, trigger=trigger, written=len(results), failed=failed)
    return results
