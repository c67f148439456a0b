"""Node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing, suspended

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def node(body: View) -> Health:
    """Healthy when its kubelet is ready and takes Pods."""
    ready = body.section("status").conditions().get("Ready")
    if not ready:
        return progressing("Its kubelet has not reported yet.")
    if ready.status != "True":
        return degraded(f"The node is not ready: {ready.because}")
    if body.section("spec").flag("unschedulable"):
        return suspended("The node is cordoned.")
    return healthy("The node is ready.")
