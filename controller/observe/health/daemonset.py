"""DaemonSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import healthy, progressing, unseen

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def daemonset(body: View) -> Health:
    """Healthy when every node that should run it has an available Pod of the newest template."""
    if waiting := unseen(body):
        return waiting
    status = body.section("status")
    wanted = status.number("desiredNumberScheduled")
    scheduled, available = status.number("currentNumberScheduled"), status.number("numberAvailable")
    updated = status.number("updatedNumberScheduled")
    # With OnDelete the user deletes Pods when it suits them: waiting for that could last for ever.
    on_delete = body.section("spec").section("updateStrategy").text("type") == "OnDelete"
    if scheduled < wanted:
        return progressing(f"{scheduled} of {wanted} nodes run a Pod.")
    if updated < wanted and not on_delete:
        return progressing(f"{updated} of {wanted} Pods are updated.")
    if available < wanted:
        return progressing(f"{available} of {wanted} Pods are available.")
    if updated < wanted:
        return healthy(f"{available} of {wanted} Pods are available; {updated} are updated, the rest when deleted.")
    return healthy(f"{available} of {wanted} Pods are available.")
