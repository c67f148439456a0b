"""Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, degraded, healthy, progressing, unknown
from controller.observe.health.view import clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.health import Health
    from controller.observe.health.view import View

_STATUSES = ("initContainerStatuses", "containerStatuses")
_BROKEN = frozenset(
    {"InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreStartHookError"}
)


def pod(body: View) -> Health:
    """Healthy when it is ready, or has ended well where it was meant to end; Degraded when a container can't run."""
    status = body.section("status")
    phase = status.text("phase")
    if phase == "Succeeded":
        return healthy("All containers ended with success.")
    if phase == "Failed":
        return degraded(_failure(status))
    for container in _containers(status):
        reason = container.section("state").section("waiting").text("reason")
        if _is_broken(reason):
            return degraded(_broken(container, reason))
    return _by_phase(body, status, phase)


def _by_phase(body: View, status: View, phase: str) -> Health:
    if phase == "Running":
        return _running(body, status)
    if phase in {"Pending", ""}:
        return _pending(status)
    if phase == "Unknown":
        return unknown("Its node does not answer.")
    return unknown(f"Its phase is {clip(phase)!r}, which no version of Kubernetes has.")


def _is_broken(reason: str) -> bool:
    """Whether the kubelet gave up for now: CrashLoopBackOff, ImagePullBackOff, ErrImagePull and their kin."""
    return reason in _BROKEN or reason.endswith("BackOff") or reason.startswith("Err")


def _broken(container: View, reason: str) -> str:
    name, restarts = clip(container.text("name")), container.number("restartCount")
    last = container.section("lastState").section("terminated")
    if reason == "CrashLoopBackOff":
        code = f", last with exit code {last.number('exitCode')}" if last.has("exitCode") else ""
        return f"Container {name} keeps crashing: {counted(restarts, 'restart')}{code} (CrashLoopBackOff)."
    detail = clip(container.section("state").section("waiting").text("message"))
    return f"Container {name} can't start: {clip(reason)}{': ' + detail if detail else '.'}"


def _failure(status: View) -> str:
    said = clip(status.text("message") or status.text("reason"))
    if said:
        return f"The Pod failed: {said}"
    for container in _containers(status):
        ended = container.section("state").section("terminated")
        if ended.number("exitCode"):
            return f"Container {clip(container.text('name'))} ended with exit code {ended.number('exitCode')}."
    return "The Pod failed."


def _running(body: View, status: View) -> Health:
    ready = [container.flag("ready") for container in status.sections("containerStatuses")]
    if body.section("spec").text("restartPolicy") in {"OnFailure", "Never"}:
        # As with a Job, what is meant to end is not there before it has ended.
        return progressing(f"{sum(ready)} of {len(ready)} containers are ready; the Pod runs until they end.")
    condition = status.conditions().get("Ready")
    if condition and condition.status == "True":
        return healthy(f"{sum(ready)} of {len(ready)} containers are ready.")
    return progressing(f"{sum(ready)} of {len(ready)} containers are ready.")


def _pending(status: View) -> Health:
    conditions = status.conditions()
    scheduled = conditions.get("PodScheduled")
    if scheduled and scheduled.status == "False":
        # Not Degraded: the scheduler tries again, and an autoscaler may bring a node. A run's timeout bounds the wait.
        return progressing(f"No node fits: {scheduled.because}")
    waiting = status.sections("initContainerStatuses")
    done = sum(1 for container in waiting if _has_ended_well(container))
    if done < len(waiting):
        return progressing(f"{done} of {len(waiting)} init containers are done.")
    if scheduled:
        return progressing("Its containers are being created.")
    return progressing("It is waiting for a node.")


def _has_ended_well(container: View) -> bool:
    ended = container.section("state").section("terminated")
    return ended.has("exitCode") and ended.number("exitCode") == 0


def _containers(status: View) -> Iterator[View]:
    for name in _STATUSES:
        yield from status.sections(name)
