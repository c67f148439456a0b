"""CronJob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, healthy, suspended
from controller.observe.health.view import clip

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def cronjob(body: View) -> Health:
    """Healthy as soon as it exists.

    A failed run is told, but no verdict: the revision that repairs it could not become healthy before the next
    time of the schedule, which may be a month away.
    """
    status = body.section("status")
    if body.section("spec").flag("suspend"):
        return suspended("The schedule is suspended.")
    active = len(status.sections("active"))
    if active:
        return healthy(f"{counted(active, 'Job')} running.")
    last, success = status.text("lastScheduleTime"), status.text("lastSuccessfulTime")
    if last and success < last:  # both are RFC 3339 in UTC, in seconds: their order is the text's
        return healthy(f"The run of {clip(last)} has not succeeded.")
    if last:
        return healthy(f"The run of {clip(last)} succeeded.")
    return healthy("It has not been due yet.")
