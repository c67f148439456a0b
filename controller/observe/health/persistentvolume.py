"""PersistentVolume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing, unknown
from controller.observe.health.view import clip

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View

_GOOD = {
    "Available": "The volume is free.",
    "Bound": "The volume is bound.",
    "Released": "The volume's claim is gone; it waits for an administrator.",
}


def persistentvolume(body: View) -> Health:
    """Healthy when it may be used, is used, or is kept after use."""
    status = body.section("status")
    phase = status.text("phase")
    if phase in _GOOD:
        return healthy(_GOOD[phase])
    if phase == "Failed":
        said = clip(status.text("message") or status.text("reason"))
        return degraded(f"The volume could not be reclaimed{': ' + said if said else '.'}")
    if phase in {"Pending", ""}:
        return progressing("The volume is not available yet.")
    return unknown(f"Its phase is {clip(phase)!r}, which no version of Kubernetes has.")
