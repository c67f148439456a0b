"""Whether the process itself is sound: only what a restart may mend counts, and only when it lasts.

A kubelet restarts what fails `/healthz`. While Git, a cluster or PostgreSQL is away a restart mends nothing, and makes
every watch and every mirror begin anew when they come back; so errors of the outside world never count. What counts
is a defect of ours that lasts: a task that can't live because the state in this process is wrong, or an event loop
that runs everything late. One that stands still answers no probe at all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.errors import ShipslogError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATIENCE = 300.0
"""Seconds that a defect may last: a restart costs every watch, and most defects pass with what provoked them."""
LONG_LIFE = 60.0
"""Seconds that a task lives when it is sound again; longer than any pause before it is started anew."""
LATE = 5.0
"""Seconds that the loop may be late: about what a probe waits for its answer."""


@dataclass
class _Task:
    started: float
    """When its life began; 0 between two lives."""
    broken: float | None = None
    """When the first of the lives that a defect ended, ended."""
    reason: str = ""


class Vitals:
    """Watches eternal tasks and the loop's lag. Times are seconds of `clock`, which never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tasks: dict[str, _Task] = {}
        self._late_since: float | None = None

    async def live(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """One life of an eternal task, whose end by a defect is remembered; raises what ended it."""
        task = self._tasks.setdefault(name, _Task(0.0))
        task.started = self._clock()
        try:
            await work()
        except Exception as error:
            self._ended(task, "" if _is_outside(error) else f"{type(error).__name__}: see the log")
            raise
        self._ended(task, "it ended by itself")

    def lag(self, seconds: float) -> None:
        """The loop ran a timer so late."""
        if seconds <= LATE:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = self._clock()

    def defects(self) -> str:
        """Which tasks can't live, and since when; a check of `/healthz`."""
        now = self._clock()
        return "; ".join(
            f"{name} has failed for {now - task.broken:.0f} s: {task.reason}"
            for name, task in sorted(self._tasks.items())
            if task.broken is not None and now - task.broken >= PATIENCE and not self._is_long(task)
        )

    def lateness(self) -> str:
        """For how long the loop has been late without a break; a check of `/healthz`."""
        if self._late_since is None or self._clock() - self._late_since < PATIENCE:
            return ""
        return f"the event loop has been more than {LATE:g} s late for {self._clock() - self._late_since:.0f} s"

    def _ended(self, task: _Task, defect: str) -> None:
        if not defect or self._is_long(task):
            task.broken = None
        if defect:
            task.reason = defect
            task.broken = self._clock() if task.broken is None else task.broken
        task.started = 0.0

    def _is_long(self, task: _Task) -> bool:
        return bool(task.started) and self._clock() - task.started > LONG_LIFE


def _is_outside(error: Exception) -> bool:
    """Whether the world outside ended a task: an error with a fate, or a group of nothing else."""
    if isinstance(error, ExceptionGroup):
        return error.split(ShipslogError)[1] is None
    return isinstance(error, ShipslogError)
