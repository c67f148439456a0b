"""How a sync that was asked for is getting on, as the Application's status tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.cli.exits import Exit
from controller.model.application import Application
from controller.model.run import FINAL, Phase, Run

if TYPE_CHECKING:
    from controller.model.condition import Condition


class Progress(msgspec.Struct, frozen=True):
    """Where it stands. `outcome` is None while it goes on."""

    phase: str
    message: str
    run: Run | None = None
    outcome: Exit | None = None


def progress(app: Application, asked: str, before: str) -> Progress:
    """Where the sync stands that was asked for by the annotation's value `asked`; `before` is the run before it."""
    conditions = {condition.type: condition for condition in app.status.conditions}
    if app.status.last_handled_sync != asked:
        # What it is stalled by was said of an earlier look: that is no answer to this request.
        return Progress("Requested", _under_way(conditions, "Reconciling") or "the controller has not taken it up yet")
    run = app.status.last_run
    if run is None or run.id == before:
        return Progress("Refused", _refusal(conditions), outcome=Exit.FAILED)
    if run.phase not in FINAL:
        return Progress(run.phase.value, _under_way(conditions, "Reconciling", "Stalled") or run.message, run)
    good = run.phase is Phase.SUCCEEDED
    return Progress(run.phase.value, run.message, run, Exit.OK if good else Exit.FAILED)


def _under_way(conditions: dict[str, Condition], *types: str) -> str:
    """What keeps the controller, and why as far as it says."""
    found = next((conditions[name] for name in types if _is_true(conditions.get(name))), None)
    if found is None:
        return ""
    synced = conditions.get("Synced")
    why = synced.message if synced and synced.status != "True" else ""
    return f"{found.message}: {why}" if why and why != found.message else found.message


def _is_true(condition: Condition | None) -> bool:
    return condition is not None and condition.status == "True"


def _refusal(conditions: dict[str, Condition]) -> str:
    for name in ("Stalled", "Synced", "Ready"):
        found = conditions.get(name)
        if found and found.status == ("True" if name == "Stalled" else "False"):
            return found.message
    return "the controller did nothing and says no reason"
