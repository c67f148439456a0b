"""CustomResourceDefinition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def customresourcedefinition(body: View) -> Health:
    """Healthy when its kind is served."""
    conditions = body.section("status").conditions()
    names, established = conditions.get("NamesAccepted"), conditions.get("Established")
    if names and names.status == "False":
        return degraded(f"Its names clash with another kind's: {names.because}")
    if established and established.status == "True":
        return healthy("Its kind is served.")
    if established:
        return progressing(f"Its kind is not served yet: {established.because}")
    return progressing("Its kind is not served yet.")
