"""Tasks: each has one owner, a name and a deadline; eternal ones come back when they end."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from controller.errors import Transient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

_Result = TypeVar("_Result")

# The standard logger, not ours: modules of this row never import each other. `fields` is what controller.logs reads.
_log = logging.getLogger(__name__)


class DeadlineExceeded(Transient):
    """Something took longer than it may."""


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter: any wait between 0 and a ceiling that grows. Seconds.

    Full jitter spreads those who failed together (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """

    base: float = 1.0
    cap: float = 300.0
    factor: float = 2.0

    def ceiling(self, attempt: int) -> float:
        """The longest wait before try number `attempt + 1`; the first failure is attempt 0."""
        # 64 doublings are beyond every cap; without the bound the power overflows after months of failures.
        return min(self.cap, self.base * self.factor ** min(attempt, 64))

    def delay(self, attempt: int, source: random.Random) -> float:
        """The wait itself, drawn from `source`: the same seed gives the same waits."""
        return source.uniform(0, self.ceiling(attempt))


@dataclass
class Roster:
    """The eternal tasks of a process: which of them is down, and why."""

    _down: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def up(self, name: str) -> None:
        """The task runs."""
        self._names.add(name)
        self._down.pop(name, None)

    def down(self, name: str, reason: str) -> None:
        """The task ended and waits to be started again."""
        self._names.add(name)
        self._down[name] = reason

    def states(self) -> dict[str, str]:
        """Every task by name, with why it is down, or nothing."""
        return {name: self._down.get(name, "") for name in sorted(self._names)}


def spawn(group: asyncio.TaskGroup, name: str, coroutine: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
    """Start a task that `group` owns, under a name that logs and debuggers show."""
    return group.create_task(coroutine, name=name)


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[None]:
    """End the block after `seconds`; raises DeadlineExceeded that names `what`.

    A TimeoutError that comes from inside the block passes unchanged.
    """
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError as error:
        if scope.expired():
            raise DeadlineExceeded(f"{what} took longer than {seconds:g} s") from error
        raise


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    backoff: Backoff | None = None,
    roster: Roster | None = None,
    source: random.Random | None = None,
) -> None:
    """Run an eternal task, and start it again with backoff whenever it ends, by return or by error.

    A life longer than the backoff's cap forgives all failures before it. Ends only by cancellation.
    """
    backoff, roster = backoff or Backoff(base=0.5, cap=30.0), roster or Roster()
    source = source or random.Random()  # noqa: S311 - jitter, not a secret
    clock = asyncio.get_running_loop().time
    attempt = 0
    while True:
        roster.up(name)
        started = clock()
        reason = await _ending(run)
        attempt = 0 if clock() - started > backoff.cap else attempt
        wait = backoff.delay(attempt, source)
        attempt += 1
        roster.down(name, str(reason) if reason is not None else "it returned")
        _log.error(
            "Task ended unexpectedly",
            extra={"fields": {"task": name, "restart_in_seconds": round(wait, 3)}},
            exc_info=reason,
        )
        await asyncio.sleep(wait)


async def _ending(run: Callable[[], Awaitable[None]]) -> Exception | None:
    try:
        await run()
    except Exception as error:  # noqa: BLE001 - the supervisor's job; CancelledError is no Exception and passes
        return error
    return None


async def measure_lag(observe: Callable[[float], None], *, interval: float = 0.05) -> None:
    """Tell `observe` for ever how many seconds late the event loop ran a timer of `interval` seconds.

    What blocks the loop for longer than an interval is always seen, at most one interval shorter than it was.
    """
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + interval
        await asyncio.sleep(interval)
        observe(max(0.0, clock() - due))
