"""Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, degraded, healthy, progressing, suspended

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def job(body: View) -> Health:
    """Healthy when it is complete: a Job that runs has not yet done what it is there for."""
    spec, status = body.section("spec"), body.section("status")
    conditions = {name: each for name, each in status.conditions().items() if each.status == "True"}
    succeeded, failed, active = (status.number(name) for name in ("succeeded", "failed", "active"))
    if "Complete" in conditions:
        return healthy(f"{counted(succeeded, 'Pod')} succeeded{f', {failed} failed before' if failed else ''}.")
    for name in ("Failed", "FailureTarget"):
        if name in conditions:
            return degraded(f"The Job failed after {counted(failed, 'failed Pod')}: {conditions[name].because}")
    if "Suspended" in conditions or spec.flag("suspend"):
        return suspended("The Job is suspended.")
    if not status.has("startTime"):
        return progressing("The Job has not started yet.")
    # Without `completions` one success ends it (API reference of JobSpec).
    wanted = spec.number("completions", 1)
    return progressing(
        f"{succeeded} of {wanted} completions are done: {counted(active, 'Pod')} active, {failed} failed."
    )
