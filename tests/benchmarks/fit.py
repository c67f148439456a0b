"""What figures say when they are taken together: percentiles, straight lines, exponents. PURE."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Line(msgspec.Struct, frozen=True):
    """y = base + each * x."""

    base: float
    each: float

    def at(self, x: float) -> float:
        """Its value."""
        return self.base + self.each * x


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that so large a share of all (0 to 1) does not exceed: nearest rank, never interpolated.

    Raises ValueError for no value, or a share out of bounds.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"no percentile {share} of {len(values)} values")
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


def line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line with the least squares. Raises ValueError where there are not two different x."""
    if len(x) != len(y) or len(set(x)) < 2:
        raise ValueError(f"a line needs two different places, each with a value: {list(x)}, {list(y)}")
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - mean_x) ** 2 for one in x)
    each = sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True)) / spread
    return Line(mean_y - each * mean_x, each)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The p of y = c * x**p that fits best where both are drawn in logarithms: 1 is linear, 2 quadratic.

    Raises ValueError where it can't be told: a value is not above zero, or all x are the same.
    """
    if any(value <= 0 for value in (*x, *y)):
        raise ValueError(f"an exponent needs values above zero: {list(x)}, {list(y)}")
    return line([math.log(one) for one in x], [math.log(one) for one in y]).each
