from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import tasks
from controller.errors import Transient
from controller.tasks import Backoff, DeadlineExceeded, Roster
from tests.unit.tasks.virtual import VirtualLoop, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RULE = Backoff(base=1.0, cap=60.0, factor=2.0)


class Top(random.Random):
    """Draws the ceiling every time, so that waits are exact."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Life:
    """An eternal task that ends a few times, each after so many seconds, and then lives on."""

    def __init__(self, *ends: tuple[float, Exception | None]) -> None:
        self.starts: list[float] = []
        self._ends = list(ends)

    async def __call__(self) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        if not self._ends:
            await asyncio.Event().wait()
        seconds, error = self._ends.pop(0)
        await asyncio.sleep(seconds)
        if error:
            raise error


async def watched(life: Callable[[], Awaitable[None]], seconds: float, roster: Roster | None = None) -> None:
    """Supervise for so long, then cancel."""
    supervision = tasks.supervise("watcher", life, backoff=RULE, roster=roster, source=Top())
    task = asyncio.create_task(supervision, name="watcher")
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


def test_an_eternal_task_comes_back_after_an_error_and_after_a_return() -> None:
    """Whatever ends it, it starts again, and waits longer each time."""
    life = Life((0, ValueError("lost")), (0, None), (0, ValueError("lost")))

    run(watched(life, 100))

    assert life.starts == [0, 1, 3, 7]


def test_a_long_life_forgives_earlier_failures() -> None:
    """A task that ran for an hour is started again as if it had never failed."""
    life = Life((0, ValueError("lost")), (0, ValueError("lost")), (3600, ValueError("lost")))

    run(watched(life, 5000))

    assert life.starts == [0, 1, 3, 3604]


def test_cancellation_ends_supervision_and_passes() -> None:
    """The owner's cancellation reaches the task's own clean-up, and nothing starts again."""
    cleaned: list[float] = []

    async def life() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(asyncio.get_running_loop().time())

    run(watched(life, 5))

    assert cleaned == [5]


def test_cancellation_during_the_wait_ends_supervision_too() -> None:
    """Shutdown does not wait for a backoff."""
    life = Life((0, ValueError("lost")), (0, ValueError("lost")))

    run(watched(life, 2))

    assert life.starts == [0, 1]


def test_the_roster_tells_which_task_is_down_and_why() -> None:
    """The probe names the task while it waits, and no longer once it runs."""
    roster = Roster()

    async def scene() -> list[dict[str, str]]:
        task = asyncio.create_task(
            tasks.supervise(
                "watcher", Life((1, ValueError("lost")), (1, None)), backoff=RULE, roster=roster, source=Top()
            ),
            name="watcher",
        )
        seen = []
        for _ in range(5):
            await asyncio.sleep(0.9)
            seen.append(roster.states())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen

    first, second, third, fourth, _ = run(scene())

    assert first == {"watcher": ""}
    assert second == {"watcher": "lost"}
    assert third == {"watcher": ""}
    assert fourth == {"watcher": "it returned"}


def test_an_unexpected_end_is_logged_with_the_task_and_the_wait(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the task and carries the error."""
    with caplog.at_level(logging.ERROR, "controller.tasks"):
        run(watched(Life((0, ValueError("lost"))), 10))

    (record,) = caplog.records
    assert record.message == "Task ended unexpectedly"
    assert record.fields == {"task": "watcher", "restart_in_seconds": 1}  # type: ignore[attr-defined]
    assert record.exc_info
    assert str(record.exc_info[1]) == "lost"


def test_a_passed_deadline_is_transient_and_names_what_took_too_long() -> None:
    """The loop backs off, and the reader knows from what."""

    async def scene() -> None:
        async with tasks.deadline(5, "listing Pods of prod-eu"):
            await asyncio.sleep(6)

    with pytest.raises(DeadlineExceeded, match=r"listing Pods of prod-eu took longer than 5 s") as caught:
        run(scene())
    assert isinstance(caught.value, Transient)


def test_a_timeout_from_inside_is_not_taken_for_ours() -> None:
    """Somebody else's TimeoutError has its own meaning."""

    async def scene() -> None:
        async with tasks.deadline(5, "all"):
            raise TimeoutError("of the socket")

    with pytest.raises(TimeoutError, match="of the socket"):
        run(scene())


def test_cancellation_in_a_deadline_stays_cancellation() -> None:
    """Shutdown is no failure."""

    async def scene() -> bool:
        async def work() -> None:
            async with tasks.deadline(50, "work"):
                await asyncio.sleep(40)

        task = asyncio.create_task(work(), name="work")
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert run(scene())


def test_a_task_has_its_owner_and_its_name() -> None:
    """The group waits for it, and a debugger shows it."""

    async def scene() -> tuple[str, int]:
        async def work() -> int:
            await asyncio.sleep(3)
            return 7

        async with asyncio.TaskGroup() as group:
            task = tasks.spawn(group, "worker 3", work())
        return task.get_name(), task.result()

    assert run(scene()) == ("worker 3", 7)


def test_lag_is_how_late_a_timer_ran() -> None:
    """A loop that stood still for two seconds is two seconds late once, and not late otherwise."""
    seen: list[float] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        task = asyncio.create_task(tasks.measure_lag(seen.append, interval=0.5), name="loop lag")
        await asyncio.sleep(1.2)
        loop.lose(2.3)
        await asyncio.sleep(1.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scene())

    assert [round(lag, 6) for lag in seen] == [0, 0, 2.0, 0, 0]


@given(attempt=st.integers(0, 10_000), seed=st.integers())
def test_a_wait_is_never_longer_than_the_cap_and_never_negative(attempt: int, seed: int) -> None:
    """After a year of failures too."""
    wait = RULE.delay(attempt, random.Random(seed))  # noqa: S311

    assert 0 <= wait <= RULE.ceiling(attempt) <= RULE.cap


@given(seed=st.integers())
def test_the_same_seed_gives_the_same_waits(seed: int) -> None:
    """A failure can be played again."""
    one, other = random.Random(seed), random.Random(seed)  # noqa: S311

    assert [RULE.delay(n, one) for n in range(8)] == [RULE.delay(n, other) for n in range(8)]


def test_ceilings_double_up_to_the_cap() -> None:
    """The first wait is at most the base."""
    assert [RULE.ceiling(attempt) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_those_who_failed_together_do_not_come_back_together() -> None:
    """Full jitter: a thousand waits are spread over the whole range, not around its middle."""
    source = random.Random(7)  # noqa: S311
    waits = [RULE.delay(5, source) for _ in range(1000)]

    tenths = [sum(low <= wait / 3.2 < low + 1 for wait in waits) for low in range(10)]
    assert min(tenths) > 60
