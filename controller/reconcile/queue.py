"""The queue of keys: deduplicated, one worker per key, most urgent first, and delayed keys.

A key carries no news: whoever takes it reads everything again. So putting a key twice is harmless, and a key that
is put while a worker has it is handed out once more when that worker is done.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

import msgspec

from controller.model.objects import Key
from controller.model.run import Trigger

_URGENCY = {trigger: rank for rank, trigger in enumerate(Trigger)}


Fate = tuple[Trigger, float] | None
"""When to look again without being told, and as what; None: never."""


class Work(msgspec.Struct, frozen=True):
    """A key in hand, why it was put, and how long it waited, in seconds.

    `asked` is when it was last put, on the monotonic clock: what was learned after that answers every reason.
    """

    key: Key
    triggers: frozenset[Trigger]
    waited: float = 0.0
    asked: float = 0.0

    @property
    def trigger(self) -> Trigger:
        """The most urgent of the reasons."""
        return min(self.triggers, key=_URGENCY.__getitem__)


class KeyQueue:
    """Keys that want a worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reasons: dict[Key, set[Trigger]] = {}
        self._since: dict[Key, float] = {}
        self._asked: dict[Key, float] = {}
        self._busy: set[Key] = set()
        self._heap: list[tuple[int, int, Key]] = []
        self._order = itertools.count()
        self._timers: dict[Key, tuple[float, Trigger, asyncio.TimerHandle]] = {}
        self._ready = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._reasons)

    def put(self, key: Key, trigger: Trigger) -> None:
        """Want a worker for the key now. A more urgent reason moves a waiting key forward."""
        reasons = self._reasons.setdefault(key, set())
        self._asked[key] = self._clock()
        if trigger in reasons:
            return
        reasons.add(trigger)
        self._since.setdefault(key, self._asked[key])
        if key not in self._busy:
            heapq.heappush(self._heap, (_URGENCY[trigger], next(self._order), key))
            self._ready.set()

    def put_after(self, key: Key, trigger: Trigger, seconds: float) -> None:
        """Want a worker for the key in so many seconds; of two such wishes for one key, the earlier holds."""
        due = self._clock() + seconds
        known = self._timers.get(key)
        if known and known[0] <= due:
            return
        self.cancel_timer(key)
        handle = asyncio.get_running_loop().call_later(max(seconds, 0), self._ring, key, trigger)
        self._timers[key] = (due, trigger, handle)

    def cancel_timer(self, key: Key) -> None:
        """Drop a delayed wish."""
        known = self._timers.pop(key, None)
        if known:
            known[2].cancel()

    async def take(self) -> Work | None:
        """The most urgent key that no worker has; waits for one. None once the queue is closed."""
        while True:
            if self._closed:
                return None
            work = self._pop()
            if work is not None:
                return work
            self._ready.clear()
            await self._ready.wait()

    def done(self, key: Key) -> None:
        """The worker is done with the key; it is handed out again if it was put meanwhile."""
        self._busy.discard(key)
        for trigger in self._reasons.get(key, ()):
            heapq.heappush(self._heap, (_URGENCY[trigger], next(self._order), key))
            self._ready.set()

    def close(self) -> None:
        """Hand out nothing any more; workers that wait are told so, delayed wishes are dropped."""
        self._closed = True
        for key in list(self._timers):
            self.cancel_timer(key)
        self._ready.set()

    def _pop(self) -> Work | None:
        while self._heap:
            _, _, key = heapq.heappop(self._heap)
            # A key stands in the heap once per reason: all but the first of its entries are stale.
            if key in self._reasons and key not in self._busy:
                self._busy.add(key)
                self.cancel_timer(key)
                reasons = self._reasons.pop(key)
                waited = self._clock() - self._since.pop(key)
                return Work(key, frozenset(reasons), waited, self._asked.pop(key))
        return None

    def _ring(self, key: Key, trigger: Trigger) -> None:
        self._timers.pop(key, None)
        self.put(key, trigger)
