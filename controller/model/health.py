"""Verdicts on health."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec


class HealthStatus(enum.StrEnum):
    """Verdicts, best first: an aggregate is the worst of its parts."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    UNKNOWN = "Unknown"
    DEGRADED = "Degraded"


_ORDER = {status: rank for rank, status in enumerate(HealthStatus)}


class Health(msgspec.Struct, frozen=True):
    """A verdict and the sentence that explains it."""

    status: HealthStatus
    message: str = ""


def worst(verdicts: Iterable[Health]) -> Health:
    """The worst verdict; Healthy when there is none (an Application without objects is healthy)."""
    return max(verdicts, key=lambda verdict: _ORDER[verdict.status], default=Health(HealthStatus.HEALTHY))
