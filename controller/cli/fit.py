"""Which columns of a table a terminal has room for, and how wide they may be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

GAP = 2
"""Cells between two columns."""
LEAST = 16
"""Cells that a column which is cut keeps at least, as long as another column can be left out instead."""


class Fit(msgspec.Struct, frozen=True):
    """Indices of the columns that are shown, and the width of each in cells."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]


def fit(naturals: Sequence[int], space: int, elastic: Collection[int], optional: Sequence[int] = ()) -> Fit:
    """Fit columns of these natural widths into so many cells.

    Elastic columns are cut first, the widest of them first. Where that would leave less than LEAST of them, columns
    are left out, in the order of `optional`. When none is left to leave out, every column may be cut.
    """
    shown = list(range(len(naturals)))
    expendable = list(optional)
    while True:
        widths = [naturals[index] for index in shown]
        room = space - GAP * (len(shown) - 1)
        soft = [naturals[index] for index in shown if index in elastic]
        left = room - (sum(widths) - sum(soft))
        cap = _cap(soft, left)
        if left >= 0 and cap >= min(LEAST, max(soft, default=0)):
            cut = [min(naturals[index], cap) if index in elastic else naturals[index] for index in shown]
            return Fit(tuple(shown), tuple(cut))
        if not expendable:
            cap = max(_cap(widths, room), 1)
            return Fit(tuple(shown), tuple(min(width, cap) for width in widths))
        shown.remove(expendable.pop(0))


def _cap(widths: Sequence[int], room: int) -> int:
    """The greatest width to which all can be cut so that their sum is at most `room`; 0 where there is no room."""
    left = room
    for position, width in enumerate(sorted(widths)):
        share = max(left, 0) // (len(widths) - position)
        if width > share:
            return share
        left -= width
    return max(widths, default=0) if left >= 0 else 0
