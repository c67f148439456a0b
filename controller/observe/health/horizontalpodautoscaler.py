"""HorizontalPodAutoscaler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from controller.observe.health.verdict import degraded, healthy, progressing
from controller.observe.health.view import Malformed, View

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import Condition

_IN_V1 = "autoscaling.alpha.kubernetes.io/conditions"
"""Version v1 of the API has no room for conditions and puts them into this annotation."""
_METRICS = ("FailedGet", "FailedCompute")


def horizontalpodautoscaler(body: View) -> Health:
    """Healthy when it scales, or has nothing to scale; Degraded when its target can't be scaled at all."""
    conditions = _conditions(body)
    able, active = conditions.get("AbleToScale"), conditions.get("ScalingActive")
    if able and able.status == "False":
        return degraded(f"The target can't be scaled: {able.because}")
    if active and active.status == "False":
        return _inactive(active)
    if not able and not active:
        return progressing("The autoscaler has not looked at its target yet.")
    status = body.section("status")
    current, desired = status.number("currentReplicas"), status.number("desiredReplicas")
    return healthy(f"The target has {current} replicas, {desired} are wanted.")


def _inactive(active: Condition) -> Health:
    if active.reason == "ScalingDisabled":
        return healthy("The target has 0 replicas, so nothing is scaled.")
    if active.reason.startswith(_METRICS) and active.reason.endswith(("Metric", "Metrics", "MetricsReplicas")):
        # Metrics of new Pods take about a minute: a failure now says nothing. A run's timeout bounds the wait.
        return progressing(f"There are no metrics to scale by: {active.because}")
    return degraded(f"Nothing is scaled: {active.because}")


def _conditions(body: View) -> dict[str, Condition]:
    found = body.section("status").conditions()
    said = body.section("metadata").section("annotations").text(_IN_V1)
    if found or not said:
        return found
    try:
        decoded = json.loads(said)
    except (ValueError, RecursionError):
        raise Malformed(f"The annotation {_IN_V1} is not JSON.") from None
    return View({"conditions": decoded}, _IN_V1).conditions()
