"""Probes: what lives and what is ready, each said by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from controller import logs

Check: TypeAlias = Callable[[], str]
"""Says what is missing, in words without secrets; nothing when all is well. It only looks, and at once."""

OK = "ok"

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Report:
    """The answer of one probe: every check by name with `ok` or what is missing; notes are shown and decide nothing."""

    checks: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> dict[str, str]:
        """The checks that are not well."""
        return {name: state for name, state in self.checks.items() if state != OK}

    @property
    def status(self) -> int:
        """HTTP status: 200, or 503 where anything is missing."""
        return 503 if self.missing else 200

    def body(self) -> dict[str, object]:
        """The answer as JSON."""
        answer: dict[str, object] = {"status": "unavailable" if self.missing else OK, "checks": dict(self.checks)}
        answer |= {"missing": sorted(self.missing)} if self.missing else {}
        return answer | ({"notes": dict(self.notes)} if self.notes else {})


def look(checks: Mapping[str, Check], notes: Mapping[str, Check] | None = None) -> Report:
    """Ask every check; one that raises is missing, and its error goes to the log, never to whoever asks."""
    return Report(_answers(checks), _answers(notes or {}))


def _answers(checks: Mapping[str, Check]) -> dict[str, str]:
    return {name: _ask(name, check) for name, check in checks.items()}


def _ask(name: str, check: Check) -> str:
    try:
        return check() or OK
    except Exception as error:
        log.exception("Check failed", check=name)
        return f"the check itself failed with {type(error).__name__}: see the log"
