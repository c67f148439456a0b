"""ReplicaSet and its elder, ReplicationController."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, degraded, healthy, progressing, unseen

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def replicaset(body: View) -> Health:
    """Healthy when as many replicas are available as are wanted."""
    if waiting := unseen(body):
        return waiting
    status = body.section("status")
    wanted = body.section("spec").number("replicas", 1)
    total, available = status.number("replicas"), status.number("availableReplicas")
    failure = status.conditions().get("ReplicaFailure")
    if failure and failure.status == "True":
        return degraded(f"{total} of {wanted} replicas could be created: {failure.because}")
    if available < wanted:
        return progressing(f"{available} of {wanted} replicas are available.")
    if total > wanted:
        return progressing(f"{counted(total - wanted, 'surplus replica')} still to stop.")
    return healthy(f"{available} of {wanted} replicas are available.")
