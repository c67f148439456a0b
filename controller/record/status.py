"""Conditions of an Application, from what was found out about it. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from controller.model.condition import Condition
from controller.model.health import Health, HealthStatus

Truth = Literal["True", "False", "Unknown"]


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What one look found.

    `synced` and its reason come from plan and verdict; `stalled` says why trying again is vain.
    """

    generation: int
    synced: Truth
    reason: str
    message: str = ""
    health: Health
    progressing: str = ""
    """What is under way, for people; empty when nothing is."""
    stalled: str = ""
    contested: str = ""
    """Objects that somebody else writes as often as we heal them."""


def conditions(found: Findings) -> tuple[Condition, ...]:
    """Ready, Synced, Healthy, Reconciling, Stalled and Contested, as kstatus reads them (KEP-1623 for the form)."""
    return (
        _ready(found),
        _condition(found, "Synced", found.synced, found.reason, found.message),
        _healthy(found),
        _condition(
            found,
            "Reconciling",
            "True" if found.progressing else "False",
            "Progressing" if found.progressing else "Idle",
            found.progressing,
        ),
        _condition(
            found,
            "Stalled",
            "True" if found.stalled else "False",
            "InputRejected" if found.stalled else "Progressable",
            found.stalled,
        ),
        _condition(
            found,
            "Contested",
            "True" if found.contested else "False",
            "Fighting" if found.contested else "Uncontested",
            found.contested,
        ),
    )


def applying(known: Sequence[Condition], generation: int) -> tuple[Condition, ...]:
    """The conditions when a run begins: neither ready nor not, until its writes are done."""
    moving: Mapping[str, tuple[Truth, str, str]] = {
        "Ready": ("Unknown", "Applying", "a run writes"),
        "Reconciling": ("True", "Applying", "a run writes"),
    }
    kept = [condition for condition in known if condition.type not in moving]
    return (
        *kept,
        *(
            Condition(type=type_, status=status, reason=reason, message=message, observed_generation=generation)
            for type_, (status, reason, message) in moving.items()
        ),
    )


def _ready(found: Findings) -> Condition:
    if found.synced != "True":
        return _condition(found, "Ready", found.synced, found.reason, found.message)
    status = _health_truth(found.health)
    return _condition(found, "Ready", status, found.health.status.value, found.health.message)


def _healthy(found: Findings) -> Condition:
    return _condition(found, "Healthy", _health_truth(found.health), found.health.status.value, found.health.message)


def _health_truth(health: Health) -> Truth:
    if health.status is HealthStatus.UNKNOWN:
        return "Unknown"
    return "True" if health.status in {HealthStatus.HEALTHY, HealthStatus.SUSPENDED} else "False"


def _condition(found: Findings, type_: str, status: Truth, reason: str, message: str) -> Condition:
    return Condition(
        type=type_, status=status, reason=reason, message=message[:8192], observed_generation=found.generation
    )
