"""Lanes: the keys of one cluster that wait, shared out fairly between namespaces.

Inside a namespace the most urgent key goes first. Between namespaces it goes to the one with the fewest keys in hand,
and among equals to the one that was served longest ago: a flood of one namespace costs the others one turn. The last
places of a cluster are for namespaces that have nothing in hand, so that one whose every look takes long keeps nobody
else waiting. Only a part is for keys that come back after a failure, so that many broken Applications that each take
long never keep the sound ones waiting.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from typing import TYPE_CHECKING

from controller.model.run import Trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.objects import Key

URGENCY = {trigger: rank for rank, trigger in enumerate(Trigger)}
_Waiting = list[tuple[int, int, "Key"]]


class Lanes:
    """What waits for one cluster, and how much of it is in hand. `limit`: keys in hand at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._retry_limit = max(1, limit // 4)
        self._common = limit - limit // 4
        self._order = itertools.count()
        self._sound: dict[str, _Waiting] = {}
        self._failed: dict[str, _Waiting] = {}
        self._served: dict[str, int] = {}
        self._busy: Counter[str] = Counter()
        self._retrying: set[Key] = set()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in hand."""
        return not (self._sound or self._failed or self._busy.total())

    def put(self, key: Key, trigger: Trigger) -> None:
        """Have the key wait for this reason. It may stand here several times: `take` skips what no longer waits."""
        lanes = self._failed if trigger is Trigger.RETRY else self._sound
        heapq.heappush(lanes.setdefault(key.namespace, []), (URGENCY[trigger], next(self._order), key))

    def take(self, waits: Callable[[Key], bool]) -> Key | None:
        """The next key for which `waits` is true, now in hand; None when none may be taken."""
        while self._busy.total() < self._limit:
            lane = self._next()
            if lane is None:
                return None
            lanes, namespace = lane
            key = self._pop(lanes, namespace)
            if not waits(key):
                continue
            self._busy[namespace] += 1
            self._served[namespace] = next(self._order)
            if lanes is self._failed:
                self._retrying.add(key)
            return key
        return None

    def done(self, key: Key) -> None:
        """The key is no longer in hand."""
        self._retrying.discard(key)
        self._busy[key.namespace] -= 1
        if not self._busy[key.namespace]:
            del self._busy[key.namespace]
            if key.namespace not in self._sound and key.namespace not in self._failed:
                self._served.pop(key.namespace, None)  # a namespace that is gone costs nothing

    def _next(self) -> tuple[dict[str, _Waiting], str] | None:
        """Which namespace is served next, and of which of its two lanes."""
        retries = len(self._retrying) < self._retry_limit
        namespaces = self._sound.keys() | self._failed.keys() if retries else self._sound.keys()
        if self._busy.total() >= self._common:
            namespaces = {name for name in namespaces if not self._busy[name]}
        if not namespaces:
            return None
        namespace = min(namespaces, key=lambda name: (self._busy[name], self._served.get(name, 0), name))
        return (self._sound if namespace in self._sound else self._failed), namespace

    def _pop(self, lanes: dict[str, _Waiting], namespace: str) -> Key:
        _, _, key = heapq.heappop(lanes[namespace])
        if not lanes[namespace]:
            del lanes[namespace]
        return key
