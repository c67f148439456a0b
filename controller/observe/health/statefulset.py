"""StatefulSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, healthy, progressing, unseen

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def statefulset(body: View) -> Health:
    """Healthy when all replicas are ready and as many as the update strategy asks for are of the newest template."""
    if waiting := unseen(body):
        return waiting
    spec, status = body.section("spec"), body.section("status")
    wanted = spec.number("replicas", 1)
    total, ready = status.number("replicas"), status.number("readyReplicas")
    if total > wanted:
        return progressing(f"{counted(total - wanted, 'surplus replica')} still to stop.")
    if ready < wanted:
        return progressing(f"{ready} of {wanted} replicas are ready.")
    if spec.number("minReadySeconds") and status.number("availableReplicas") < wanted:
        return progressing(f"{status.number('availableReplicas')} of {wanted} replicas are available.")
    return _rollout(spec, status, wanted)


def _rollout(spec: View, status: View, wanted: int) -> Health:
    strategy = spec.section("updateStrategy")
    updated = status.number("updatedReplicas")
    if strategy.text("type") == "OnDelete":
        # The user deletes Pods when it suits them: waiting for that could last for ever.
        return healthy(f"{wanted} of {wanted} replicas are ready; {updated} are updated, the rest when deleted.")
    partition = strategy.section("rollingUpdate").number("partition")
    if partition > 0:
        due = max(wanted - partition, 0)
        if updated < due:
            return progressing(f"{updated} of {due} replicas above partition {partition} are updated.")
        return healthy(f"{wanted} of {wanted} replicas are ready; {updated} are updated (partition {partition}).")
    if status.text("currentRevision") != status.text("updateRevision"):
        return progressing(f"{updated} of {wanted} replicas are updated.")
    return healthy(f"{wanted} of {wanted} replicas are ready.")
