"""Namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import healthy, progressing

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def namespace(body: View) -> Health:
    """Healthy unless it is going away."""
    status = body.section("status")
    if status.text("phase") != "Terminating":
        return healthy("The namespace exists.")
    stuck = [each for each in status.conditions().values() if each.status == "True"]
    return progressing(f"The namespace is being deleted{': ' + stuck[0].because if stuck else '.'}")
