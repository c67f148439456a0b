"""An event loop whose clock jumps to the next timer: hours pass at once, and exactly."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_Result = TypeVar("_Result")


class _Clock(selectors.DefaultSelector):
    """A selector that does not wait: it moves the clock by what it was told to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the loop would wait for ever: no timer is set and nothing can happen")
        if not ready and timeout and timeout > 0:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its `time()` is virtual and starts at 0."""

    def __init__(self) -> None:
        self.clock = _Clock()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now

    def lose(self, seconds: float) -> None:
        """Let time pass as a blocking call would: without running anything."""
        self.clock.now += seconds


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run the coroutine on a loop of its own with virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
