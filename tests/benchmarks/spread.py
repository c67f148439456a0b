"""Many measurements of one thing: the middle, and how far they lie apart."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 2**20


class Spread(msgspec.Struct, frozen=True):
    """Median, least and most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Over at least one value."""
        return cls(*(round(value, 6) for value in (statistics.median(values), min(values), max(values))))

    def text(self, digits: int = 2) -> str:
        """For a table: the median, and in brackets the least and the most where they differ."""
        middle, least, most = (f"{value:.{digits}f}" for value in (self.median, self.least, self.most))
        return middle if least == most else f"{middle} ({least} to {most})"


def spread_text(values: Sequence[float], digits: int = 2) -> str:
    """The same for values; nothing where there is none."""
    return Spread.of(values).text(digits) if values else ""


def requests_text(requests: dict[str, int]) -> str:
    """Counts by verb, in a line."""
    return ", ".join(f"{count} {verb}" for verb, count in sorted(requests.items()) if count) or "none"
