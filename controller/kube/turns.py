"""Turns: how many requests one API server gets at once, fewer while it says that it has too much to do.

Additive increase, multiplicative decrease (as in RFC 5681): a refusal (429, which is also how API Priority and Fairness
refuses) takes a third off the limit, at most once a second; after that every full round of answers adds one, up to what
the Cluster allows.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

DECREASE = 2 / 3
PAUSE = 1.0
"""Seconds in which several refusals count as one: those under way were sent at the old limit."""


class Turns:
    """First come, first served. `on_limit` is told the limit whenever its whole part changes."""

    def __init__(
        self,
        maximum: int,
        *,
        on_limit: Callable[[int], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._maximum = maximum
        self._limit = float(maximum)
        self._used = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._refused_at = float("-inf")
        self._on_limit = on_limit
        self._clock = clock
        self._tell(maximum)

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end."""
        await self._take()
        try:
            yield
        finally:
            self._used -= 1
            self._wake()

    def refused(self) -> None:
        """The server said that it has too much to do."""
        now = self._clock()
        if now - self._refused_at >= PAUSE:
            self._refused_at = now
            self._set(max(1.0, self._limit * DECREASE))

    def answered(self) -> None:
        """The server did what it was asked."""
        if self._limit < self._maximum:
            self._set(min(float(self._maximum), self._limit + 1 / self._limit))
            self._wake()

    async def _take(self) -> None:
        if self._used < self.limit and not self._waiting:
            self._used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came in the same moment: the next one has it
                self._used -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._used < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(None)

    def _set(self, limit: float) -> None:
        before, self._limit = self.limit, limit
        if self.limit != before:
            self._tell(self.limit)

    def _tell(self, limit: int) -> None:
        if self._on_limit is not None:
            self._on_limit(limit)
