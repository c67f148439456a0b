"""Health of custom kinds by the CEL of `spec.healthChecks`, with the semantics of Flux's health check expressions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from controller.model.health import Health, HealthStatus
from controller.model.objects import object_id
from controller.observe.cel import Question
from controller.observe.cel_process import CelProcess
from controller.observe.health import assess, ignored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json
    from controller.model.health_check import HealthCheck
    from controller.model.objects import GroupKind
    from controller.observe.cel import Answer

DEADLINE = 2.0
"""Seconds that the expressions of one check may take on one object; measured: 30 microseconds for a usual one."""
LARGEST = 1 << 20
"""Bytes of an object that is evaluated."""
MOST_CHECKS = 10_000
"""Checks of which is remembered whether they are good for anything, and prompt."""
QUARANTINE = 300.0
"""Seconds for which a check that took too long is not tried again."""

_ORDER = ("in_progress", "failed", "current")
_VERDICTS = {
    "in_progress": Health(HealthStatus.PROGRESSING, "spec.healthChecks: inProgress is true."),
    "failed": Health(HealthStatus.DEGRADED, "spec.healthChecks: failed is true."),
    "current": Health(HealthStatus.HEALTHY, "spec.healthChecks: current is true."),
}


class Evaluator:
    """Evaluates in processes that are started when they are first needed.

    Checks that have given a verdict in time have a process of their own: those that never did can only wait for each
    other.
    """

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._known, self._new = CelProcess(), CelProcess()
        self._prompt: set[HealthCheck] = set()
        self._late: dict[HealthCheck, float] = {}
        self._faults: dict[HealthCheck, str] = {}

    async def health(self, check: HealthCheck, body: Json) -> Health:
        """The verdict of a check on a live object. Never raises: what can't be evaluated is Unknown."""
        if (verdict := _before(body)) is not None:
            return verdict
        question = msgspec.json.encode(Question(_expressions(check), _plain(body))) + b"\n"
        if len(question) > LARGEST:
            return Health(HealthStatus.UNKNOWN, f"spec.healthChecks: the object has more than {LARGEST} bytes.")
        answer = await self._ask(check, question)
        if answer is None:
            return _late(self._deadline)
        if len(self._prompt) >= MOST_CHECKS:
            self._prompt.clear()
        self._prompt.add(check)
        return _verdict(answer)

    async def fault(self, check: HealthCheck) -> str:
        """What makes a check good for no object, with the expression's name; empty for nothing. Never raises."""
        if check not in self._faults:
            answer = await self._ask(check, msgspec.json.encode(Question(_expressions(check))) + b"\n")
            if answer is None:
                return ""  # each object's verdict says that it takes longer than it may
            if len(self._faults) >= MOST_CHECKS:
                self._faults.clear()
            self._faults[check] = f"{_field(answer.at)}: {answer.error}" if answer.error else ""
        return self._faults[check]

    async def _ask(self, check: HealthCheck, question: bytes) -> Answer | None:
        """The answer; None when it does not come in time, or did not come a short while ago."""
        if self._is_late(check):
            return None
        process = self._known if check in self._prompt else self._new
        answer = await process.ask(question, self._deadline, still=lambda: not self._is_late(check))
        if answer is None and not self._is_late(check):
            now = time.monotonic()
            self._late = {known: at for known, at in self._late.items() if at > now}
            self._late[check] = now + QUARANTINE
            self._prompt.discard(check)
        return answer

    def _is_late(self, check: HealthCheck) -> bool:
        return time.monotonic() < self._late.get(check, 0.0)

    async def close(self) -> None:
        """End the processes."""
        for process in (self._known, self._new):
            await process.close()


async def judged(body: Json, checks: Mapping[GroupKind, HealthCheck], evaluator: Evaluator) -> Health:
    """The verdict on a live object: by its kind's check where there is one, else by the rules of its kind."""
    check = checks.get(object_id(body).group_kind)
    return await evaluator.health(check, body) if check else assess(body)


def _expressions(check: HealthCheck) -> dict[str, str]:
    return {name: text for name in _ORDER if (text := getattr(check, name))}


def _field(name: str) -> str:
    return {"in_progress": "inProgress"}.get(name, name)


def _before(body: Json) -> Health | None:
    """What is decided without the expressions: opted out, being deleted, or not seen by its controller yet."""
    metadata, status = body.get("metadata") or {}, body.get("status")
    if ignored(body) or metadata.get("deletionTimestamp"):
        return assess(body)
    seen = status.get("observedGeneration") if isinstance(status, dict) else None
    wanted = metadata.get("generation")
    if isinstance(seen, int) and isinstance(wanted, int) and seen < wanted:
        return Health(HealthStatus.PROGRESSING, f"Its controller has seen generation {seen} of {wanted}.")
    return None


def _plain(body: Json) -> Json:
    """Without managedFields: they are larger than the rest, and nobody's health."""
    metadata = {name: value for name, value in (body.get("metadata") or {}).items() if name != "managedFields"}
    return {**body, "metadata": metadata}


def _verdict(answer: Answer) -> Health:
    if answer.error:
        return Health(HealthStatus.UNKNOWN, f"spec.healthChecks: {_field(answer.at)}: {answer.error}")
    if answer.matched:
        return _VERDICTS[answer.matched]
    said = f" ({answer.absent})" if answer.absent else ""
    return Health(HealthStatus.PROGRESSING, f"spec.healthChecks: current is not true yet{said}.")


def _late(deadline: float) -> Health:
    return Health(
        HealthStatus.UNKNOWN,
        f"spec.healthChecks: the expressions took longer than {deadline:g} s: make them simpler; they are tried "
        f"again in {QUARANTINE / 60:.0f} minutes.",
    )
