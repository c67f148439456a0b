"""What could not be rendered, remembered by content: a hostile input costs its deadline once, not at every look."""

from __future__ import annotations

import copy
import time
from collections import OrderedDict
from collections.abc import Callable

from controller.render.errors import RenderError

COUNT = 1024
LIMIT_SECONDS = 300.0
"""Seconds for which an input that took too much is not tried again: a busy machine may have been to blame."""

Key = tuple[bytes, object]
"""Request, and object id of the repository's root."""


class Refusals:
    """The last refusals, the oldest forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, tuple[RenderError, float]] = OrderedDict()

    def find(self, key: Key) -> RenderError | None:
        """A copy of the error where this very content was refused before."""
        error, until = self._known.get(key, (None, 0.0))
        if error is None or self._clock() >= until:
            return None
        self._known.move_to_end(key)
        return copy.copy(error)

    def put(self, key: Key, error: RenderError) -> None:
        """Remember it: wrong input for as long as there is room, input that took too much for a while."""
        # A copy: what is raised holds on to the frames it passed, and with them to the files that were read.
        seconds = LIMIT_SECONDS if error.fault == "limit" else float("inf")
        self._known[key] = (copy.copy(error), self._clock() + seconds)
        self._known.move_to_end(key)
        while len(self._known) > COUNT:
            self._known.popitem(last=False)
