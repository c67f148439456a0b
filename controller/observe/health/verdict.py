"""Verdicts as the rules write them, and the question every workload is asked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.health import Health, HealthStatus

if TYPE_CHECKING:
    from controller.observe.health.view import View


def healthy(message: str) -> Health:
    """It does what its spec says."""
    return Health(HealthStatus.HEALTHY, message)


def progressing(message: str) -> Health:
    """It is on its way, and may arrive by itself."""
    return Health(HealthStatus.PROGRESSING, message)


def degraded(message: str) -> Health:
    """It failed, and nobody but a person or a new revision will change that soon."""
    return Health(HealthStatus.DEGRADED, message)


def suspended(message: str) -> Health:
    """It was told to stand still."""
    return Health(HealthStatus.SUSPENDED, message)


def unknown(message: str) -> Health:
    """What we see makes no sense."""
    return Health(HealthStatus.UNKNOWN, message)


def counted(number: int, one: str, several: str = "") -> str:
    """A number and its noun, as in `1 replica`, `2 replicas`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def unseen(body: View) -> Health | None:
    """Progressing while the kind's controller has not looked at the newest spec; for kinds that always say so.

    Until then the whole status speaks of another spec (API conventions, `observedGeneration`).
    """
    generation = body.section("metadata").number("generation")
    observed = body.section("status").number("observedGeneration")
    if not body.section("status"):
        return progressing("Its controller has not reported a status yet.")
    if observed >= generation:
        return None
    return progressing(f"Its controller has seen generation {observed} of {generation}.")
