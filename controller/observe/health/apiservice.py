"""APIService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import healthy, progressing

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def apiservice(body: View) -> Health:
    """Healthy when the aggregator reaches the API behind it; until then its server may still be starting."""
    available = body.section("status").conditions().get("Available")
    if available and available.status == "True":
        return healthy("The API is served.")
    return progressing(f"The API is not served yet{': ' + available.because if available else '.'}")
