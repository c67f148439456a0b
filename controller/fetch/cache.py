"""A cache that forgets what was not used for longest, bounded by weight."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Cache(Generic[_Value]):
    """Values by object id. Equal ids mean equal content, so nothing in it ever gets old."""

    def __init__(self, limit: int) -> None:
        """`limit`: the sum of weights that is kept."""
        self._limit = limit
        self._weight = 0
        self._values: OrderedDict[str, tuple[_Value, int]] = OrderedDict()

    def get(self, key: str) -> _Value | None:
        """The value, which now counts as used; None when it is not here."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: str, value: _Value, weight: int = 1) -> None:
        """Keep a value, and forget others for it; one heavier than an eighth of the limit is not kept."""
        if weight > self._limit // 8 or key in self._values:
            return
        self._values[key] = (value, weight)
        self._weight += weight
        while self._weight > self._limit:
            _, (_, gone) = self._values.popitem(last=False)
            self._weight -= gone

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._values)
