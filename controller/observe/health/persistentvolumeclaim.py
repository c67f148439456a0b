"""PersistentVolumeClaim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing, unknown
from controller.observe.health.view import clip

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def persistentvolumeclaim(body: View) -> Health:
    """Healthy when it is bound."""
    phase = body.section("status").text("phase")
    if phase == "Bound":
        return healthy("The claim is bound.")
    if phase == "Lost":
        return degraded("The claim's volume is lost.")
    if phase in {"Pending", ""}:
        return progressing("The claim has no volume yet; its storage class may wait for the first Pod that uses it.")
    return unknown(f"Its phase is {clip(phase)!r}, which no version of Kubernetes has.")
