"""Moments as the API and the ledger write them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(epoch: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def whole(epoch: float) -> str:
    """The same in whole seconds, as metav1.Time has it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def epoch(text: str) -> float:
    """Seconds since the epoch; 0 where the text is empty."""
    return datetime.fromisoformat(text).timestamp() if text else 0.0
