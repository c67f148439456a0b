"""Durations as Kubernetes writes them: `90s`, `1h30m`, `250ms`."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
Duration = Annotated[str, msgspec.Meta(pattern=PATTERN, max_length=32)]
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """The duration in seconds; raises ValueError naming the accepted units for anything else."""
    if not re.match(PATTERN, duration):
        raise ValueError(f"{duration!r} is not a duration: use numbers with ms, s, m or h, as in 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))
