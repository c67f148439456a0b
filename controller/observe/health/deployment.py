"""Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, degraded, healthy, progressing, suspended, unseen

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import Condition, View


def deployment(body: View) -> Health:
    """Healthy when every replica is of the newest template and available, and no old one is left."""
    if body.section("spec").flag("paused"):
        return suspended("The rollout is paused.")
    if waiting := unseen(body):
        return waiting
    conditions = body.section("status").conditions()
    stuck = conditions.get("Progressing")
    if stuck and stuck.status == "False" and stuck.reason == "ProgressDeadlineExceeded":
        return degraded(f"The rollout made no progress within its deadline: {stuck.because}")
    return _counts(body, conditions)


def _counts(body: View, conditions: dict[str, Condition]) -> Health:
    status = body.section("status")
    wanted = body.section("spec").number("replicas", 1)
    total, updated, available = (status.number(f"{name}eplicas") for name in ("r", "updatedR", "availableR"))
    failure = conditions.get("ReplicaFailure")
    if failure and failure.status == "True" and total < wanted:
        return progressing(f"{total} of {wanted} replicas could be created: {failure.because}")
    if updated < wanted:
        return progressing(f"{updated} of {wanted} replicas are updated.")
    if total > updated:
        return progressing(f"{counted(total - updated, 'old replica')} still to stop.")
    if available < wanted:
        return progressing(f"{available} of {wanted} replicas are available.")
    if total > wanted:
        return progressing(f"{counted(total - wanted, 'surplus replica')} still to stop.")
    return healthy(f"{available} of {wanted} replicas are available.")
