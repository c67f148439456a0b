"""Health of custom kinds by the CEL of `spec.healthChecks`, with the semantics of Flux's health check expressions."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.model.health import Health, HealthStatus
from controller.model.objects import object_id
from controller.observe.cel import Answer, Question
from controller.observe.health import assess, ignored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json
    from controller.model.health_check import HealthCheck
    from controller.model.objects import GroupKind

DEADLINE = 2.0
"""Seconds that the expressions of one check may take on one object; measured: 30 microseconds for a usual one."""
LARGEST = 1 << 20
"""Bytes of an object that is evaluated."""
MOST_FAULTS = 10_000
"""Checks of which is remembered whether they are good for anything."""
QUARANTINE = 300.0
"""Seconds for which a check that took too long is not tried again."""

_ORDER = ("in_progress", "failed", "current")
_VERDICTS = {
    "in_progress": Health(HealthStatus.PROGRESSING, "spec.healthChecks: inProgress is true."),
    "failed": Health(HealthStatus.DEGRADED, "spec.healthChecks: failed is true."),
    "current": Health(HealthStatus.HEALTHY, "spec.healthChecks: current is true."),
}
_log = logs.get_logger(__name__)


class Evaluator:
    """One process that evaluates, started when it is first needed; questions are asked one after another."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._late: dict[HealthCheck, float] = {}
        self._faults: dict[HealthCheck, str] = {}

    async def health(self, check: HealthCheck, body: Json) -> Health:
        """The verdict of a check on a live object. Never raises: what can't be evaluated is Unknown."""
        if (verdict := _before(body)) is not None:
            return verdict
        until = self._late.get(check, 0.0)
        if time.monotonic() < until:
            return _late(self._deadline)
        question = msgspec.json.encode(Question(_expressions(check), _plain(body))) + b"\n"
        if len(question) > LARGEST:
            return Health(HealthStatus.UNKNOWN, f"spec.healthChecks: the object has more than {LARGEST} bytes.")
        async with self._turn:
            answer = await self._ask(question)
        if answer is None:
            self._late = {known: at for known, at in self._late.items() if at > time.monotonic()}
            self._late[check] = time.monotonic() + QUARANTINE
            return _late(self._deadline)
        return _verdict(answer)

    async def fault(self, check: HealthCheck) -> str:
        """What makes a check good for no object, with the expression's name; empty for nothing. Never raises."""
        if check not in self._faults:
            async with self._turn:
                answer = await self._ask(msgspec.json.encode(Question(_expressions(check))) + b"\n")
            if answer is None:
                return ""  # it may take longer than it may: each object's verdict will say so
            if len(self._faults) >= MOST_FAULTS:
                self._faults.clear()
            self._faults[check] = f"{_field(answer.at)}: {answer.error}" if answer.error else ""
        return self._faults[check]

    async def _ask(self, question: bytes) -> Answer | None:
        """The answer; None when it did not come in time, or the process died of the question."""
        try:
            process = await self._running()
            assert process.stdin is not None  # noqa: S101 - pipes were asked for
            assert process.stdout is not None  # noqa: S101 - as above
            async with asyncio.timeout(self._deadline):
                process.stdin.write(question)
                await process.stdin.drain()
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=Answer)
        except (TimeoutError, OSError, msgspec.DecodeError) as error:
            _log.warning("A health check was ended", error=f"{type(error).__name__}: {error}")
            await self.close()
            return None
        except asyncio.CancelledError:
            await self.close()  # an answer that nobody took must not be taken for the next one's
            raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "controller.observe.cel",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
                limit=LARGEST,
            )
        return self._process

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


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
