"""Every kind without a rule of its own: by the conditions that the API conventions and kstatus name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing, suspended

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import Condition, View


def anykind(body: View) -> Health:
    """Healthy unless it says otherwise: a kind that reports nothing has nothing to wait for."""
    status = body.section("status")
    if _suspended(body):
        return suspended("It is suspended.")
    if not status:
        return healthy("It exists; it reports no status.")
    generation = body.section("metadata").number("generation")
    if status.has("observedGeneration") and status.number("observedGeneration") < generation:
        observed = status.number("observedGeneration")
        return progressing(f"Its controller has seen generation {observed} of {generation}.")
    if not status.has("conditions"):
        return healthy("It exists; it reports no conditions.")
    return _by(status.conditions(), generation)


def _by(conditions: dict[str, Condition], generation: int) -> Health:
    for name in ("Stalled", "Failed"):
        found = conditions.get(name)
        if found and found.status == "True" and _fresh(found, generation):
            return degraded(f"{name}: {found.because}")
    reconciling = conditions.get("Reconciling")
    if reconciling and reconciling.status == "True":
        return progressing(f"Reconciling: {reconciling.because}")
    for name in ("Ready", "Available"):
        if found := conditions.get(name):
            return _readiness(found, generation)
    return healthy("It exists; it reports no condition named Ready.")


def _readiness(condition: Condition, generation: int) -> Health:
    if not _fresh(condition, generation):
        return progressing(f"{condition.type} speaks of generation {condition.seen} of {generation}.")
    if condition.status == "True":
        return healthy(f"{condition.type}: {condition.because}")
    return progressing(f"Not {condition.type.lower()}: {condition.because}")


def _fresh(condition: Condition, generation: int) -> bool:
    return not condition.seen or condition.seen >= generation


def _suspended(body: View) -> bool:
    spec = body.raw("spec")  # of any shape: the kind is not ours to know
    return isinstance(spec, dict) and spec.get("suspend") is True
