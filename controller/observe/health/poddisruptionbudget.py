"""PodDisruptionBudget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing, unseen

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def poddisruptionbudget(body: View) -> Health:
    """Healthy when its Pods meet the budget, or never can: there are fewer than it asks for."""
    if waiting := unseen(body):
        return waiting
    status = body.section("status")
    allowed = status.conditions().get("DisruptionAllowed")
    if allowed and allowed.reason == "SyncFailed":
        return degraded(f"The budget can't be computed: {allowed.because}")
    current, wanted, expected = (status.number(name) for name in ("currentHealthy", "desiredHealthy", "expectedPods"))
    if not expected:
        return healthy("The budget selects no Pods.")
    if wanted > expected:
        return healthy(
            f"{current} of {expected} Pods are healthy; the budget asks for {wanted}, so none may be disrupted."
        )
    if current < wanted:
        return progressing(f"{current} of {wanted} Pods that the budget asks for are healthy.")
    return healthy(f"{current} of {expected} Pods are healthy; {status.number('disruptionsAllowed')} may be disrupted.")
