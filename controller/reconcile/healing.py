"""Writes of a plan, and how soon they may follow each other where somebody fights us."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from controller import logs
from controller.govern.judge import Verdict
from controller.reconcile.syncing import carry_out, is_new

if TYPE_CHECKING:
    from controller.apply.execute import Result
    from controller.model.plan import Plan
    from controller.reconcile.rooms import Case

HEALS = 5
"""Heals of one Application within `HEALS_WITHIN` seconds; after that somebody fights us, and we slow down."""
HEALS_WITHIN = 60.0
_log = logs.get_logger(__name__)


async def written(case: Case, plan: Plan, run_id: str, kind: str) -> tuple[Result, ...]:
    """Carry the plan out; all that is logged meanwhile bears the run's identifier."""
    with logs.bound(run=run_id):
        results = await carry_out(case, plan, run_id, kind)
        failed = sum(bool(result.error) for result in results)
        sha, trigger = case.wish.revision.sha, case.work.trigger.value
        _log.info("Plan carried out", kind=kind, revision=sha, trigger=trigger, written=len(results), failed=failed)
    return results


def unhurried(case: Case, plan: Plan, verdict: Verdict) -> Verdict:
    """Someone who writes the same fields again and again is healed ever more slowly, never given up on."""
    if not verdict.allowed or not plan.writes or is_new(case, plan):
        return verdict
    now = time.monotonic()
    heals = case.memory.heals = [at for at in case.memory.heals if now - at < HEALS_WITHIN]
    if len(heals) < HEALS:
        heals.append(now)
        return verdict
    wait = heals[0] + HEALS_WITHIN - now
    case.memory.heal_at = now + wait
    message = f"healed {len(heals)} times within {HEALS_WITHIN:.0f} s: somebody writes the same fields again and again"
    return Verdict(allowed=False, reason="Drifted", message=message)
