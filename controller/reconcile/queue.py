"""The queue of keys: deduplicated, one worker per key, fair between clusters and namespaces, and delayed keys.

A key carries no news: whoever takes it reads everything again. So putting a key twice is harmless, and a key that
is put while a worker has it is handed out once more when that worker is done. Each cluster has lanes of its own
(`controller.reconcile.lanes`): one that is slow holds up nobody else's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from controller.model.objects import Key
from controller.model.run import Trigger
from controller.reconcile.lanes import URGENCY, Lanes

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
        return min(self.triggers, key=URGENCY.__getitem__)


class KeyQueue:
    """Keys that want a worker."""

    def __init__(
        self,
        limit: int = 20,
        *,
        cluster_of: Callable[[Key], str] = lambda _key: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit`: keys of one cluster that may be in hand at once; `cluster_of` says whose a key is."""
        self.limit = limit
        self.cluster_of = cluster_of
        self.expects: Callable[[Key], bool] = lambda _key: False
        """Whether a key may be put in a moment: it is being found out."""
        self._clock = clock
        self._reasons: dict[Key, set[Trigger]] = {}
        self._since: dict[Key, float] = {}
        self._asked: dict[Key, float] = {}
        self._busy: dict[Key, Lanes] = {}
        self._lanes: dict[str, Lanes] = {}
        self._timers: dict[Key, tuple[float, Trigger, asyncio.TimerHandle]] = {}
        self._ready = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._reasons)

    @property
    def idle(self) -> bool:
        """Whether no key waits for a worker, and none is in hand."""
        return not self._reasons and not self._busy

    def has(self, key: Key) -> bool:
        """Whether the key waits for a worker, is in hand, or is expected."""
        return key in self._reasons or key in self._busy or self.expects(key)

    def put(self, key: Key, trigger: Trigger) -> None:
        """Want a worker for the key now. A more urgent reason moves a waiting key forward."""
        reasons = self._reasons.setdefault(key, set())
        self._asked[key] = self._clock()
        if trigger in reasons:
            return
        reasons.add(trigger)
        self._since.setdefault(key, self._asked[key])
        if key not in self._busy:
            self._wait(key, trigger)

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
        """The key whose turn it is and that no worker has; waits for one. None once the queue is closed."""
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
        self._busy.pop(key).done(key)
        for trigger in self._reasons.get(key, ()):
            self._wait(key, trigger)
        self._ready.set()

    def close(self) -> None:
        """Hand out nothing any more; workers that wait are told so, delayed wishes are dropped."""
        self._closed = True
        for key in list(self._timers):
            self.cancel_timer(key)
        self._ready.set()

    def _wait(self, key: Key, trigger: Trigger) -> None:
        cluster = self.cluster_of(key)
        lanes = self._lanes.get(cluster)
        if lanes is None:
            lanes = self._lanes[cluster] = Lanes(self.limit)
        lanes.put(key, trigger)
        self._ready.set()

    def _pop(self) -> Work | None:
        for cluster, lanes in list(self._lanes.items()):
            key = lanes.take(self._waits)
            if lanes.idle:
                del self._lanes[cluster]
            if key is not None:
                self._lanes[cluster] = self._lanes.pop(cluster)  # the next turn is another cluster's
                return self._work(key, lanes)
        return None

    def _waits(self, key: Key) -> bool:
        """A key stands in its lanes once per reason: all but the first of its entries are stale."""
        return key in self._reasons and key not in self._busy

    def _work(self, key: Key, lanes: Lanes) -> Work:
        self._busy[key] = lanes
        self.cancel_timer(key)
        reasons = self._reasons.pop(key)
        waited = self._clock() - self._since.pop(key)
        return Work(key, frozenset(reasons), waited, self._asked.pop(key))

    def _ring(self, key: Key, trigger: Trigger) -> None:
        self._timers.pop(key, None)
        self.put(key, trigger)
