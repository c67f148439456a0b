"""What waits in the spool for delivery: how many events, and since when."""

from __future__ import annotations

import datetime as dt
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_COARSENESS = dt.timedelta(seconds=1)


class Backlog:
    """Counts in order of arrival. Events within a second share an entry, so an outage of a day stays small."""

    def __init__(self) -> None:
        self._times: deque[dt.datetime] = deque()
        self._counts: deque[int] = deque()

    @property
    def count(self) -> int:
        """Events that wait."""
        return sum(self._counts)

    def add(self, count: int, moment: dt.datetime) -> None:
        """So many events came at this moment."""
        if self._times and abs(moment - self._times[-1]) < _COARSENESS:
            self._counts[-1] += count
            return
        self._times.append(moment)
        self._counts.append(count)

    def remove(self, count: int) -> None:
        """So many of the oldest were delivered."""
        while count and self._counts:
            taken = min(count, self._counts[0])
            self._counts[0] -= taken
            count -= taken
            if not self._counts[0]:
                self._counts.popleft()
                self._times.popleft()

    def age(self, clock: Callable[[], dt.datetime]) -> float:
        """Seconds since the oldest one that waits came; 0 when none does."""
        if not self._times:
            return 0.0
        return max(0.0, (clock() - self._times[0]).total_seconds())
