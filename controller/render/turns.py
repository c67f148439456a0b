"""Whose turn it is at a worker: tenants share them fairly, and none can hold them all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SUSPECT_SECONDS = 600.0
"""Seconds for which a tenant whose input had no end comes after the others."""


class Turns:
    """As many places as one tenant may take, and one more for the others; whoever has least at work comes first.

    Tenants whose input had no end lately have together no more places than one tenant: the rest always find one.
    """

    def __init__(self, places: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`places`: how many one tenant may take at once."""
        self._places = places
        self._clock = clock
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By tenant; whose last turn was longest ago is first."""
        self._suspects: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a place, and have it for the length of the block."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(place)
        self._grant()
        try:
            await place
            yield
        finally:
            if place.done() and not place.cancelled():
                self._taken[tenant] -= 1
            elif place in self._waiting.get(tenant, ()):
                self._waiting[tenant].remove(place)
            self._grant()

    def suspect(self, tenant: str) -> None:
        """What the tenant asked for had no end: it may be so again."""
        self._suspects[tenant] = self._clock() + SUSPECT_SECONDS

    def _grant(self) -> None:
        """Give free places to those who wait."""
        self._taken = +self._taken
        self._waiting = {tenant: places for tenant, places in self._waiting.items() if places}
        self._suspects = {tenant: until for tenant, until in self._suspects.items() if until > self._clock()}
        while self._taken.total() <= self._places and (able := [one for one in self._waiting if self._may(one)]):
            tenant = min(able, key=lambda one: (one in self._suspects, self._taken[one]))
            places = self._waiting.pop(tenant)
            place = places.popleft()
            if places:
                self._waiting[tenant] = places  # behind the others
            if not place.done():
                self._taken[tenant] += 1
                place.set_result(None)

    def _may(self, tenant: str) -> bool:
        alike = self._suspects if tenant in self._suspects else (tenant,)
        return sum(self._taken[one] for one in alike) < self._places
