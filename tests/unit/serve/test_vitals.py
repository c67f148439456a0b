from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from controller.errors import NotReady, ShipslogError, Terminal, Transient, Unreachable
from controller.serve.vitals import LATE, LONG_LIFE, PATIENCE, Vitals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at some moment."""
    return Clock()


@pytest.fixture
def vitals(clock: Clock) -> Vitals:
    """The vitals by that clock."""
    return Vitals(clock)


def ends(*errors: Exception, after: float = 0.0, clock: Clock | None = None) -> Callable[[], Awaitable[None]]:
    """A task's life that ends by an error, or by itself where none is given."""

    async def work() -> None:
        if clock is not None:
            clock.now += after
        for error in errors:
            raise error

    return work


async def die(vitals: Vitals, work: Callable[[], Awaitable[None]], name: str = "registry") -> None:
    """Live one life, to its end."""
    with contextlib.suppress(ShipslogError, ExceptionGroup, ValueError):
        await vitals.live(name, work)


async def die_for(seconds: float, vitals: Vitals, clock: Clock, *errors: Exception) -> None:
    """Die again and again, ten seconds apart."""
    until = clock.now + seconds
    while clock.now <= until:
        await die(vitals, ends(*errors))
        clock.now += 10


async def test_a_defect_that_lasts_makes_the_process_unhealthy(vitals: Vitals, clock: Clock) -> None:
    """A restart is the last means against state that has gone wrong."""
    await die_for(PATIENCE, vitals, clock, ValueError("wrong"))

    assert vitals.defects() == "registry has failed for 310 s: ValueError: see the log"


async def test_a_task_that_ends_by_itself_is_a_defect_too(vitals: Vitals, clock: Clock) -> None:
    """Eternal tasks never return."""
    await die_for(PATIENCE, vitals, clock)

    assert "it ended by itself" in vitals.defects()


async def test_a_defect_that_passes_restarts_nobody(vitals: Vitals, clock: Clock) -> None:
    """Not before the patience is over."""
    await die_for(PATIENCE - 20, vitals, clock, ValueError("wrong"))

    assert vitals.defects() == ""


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("the API server is away"),
        Transient("a passing thing"),
        NotReady("not yet", after=5),
        Terminal("the CRD is missing", remedy="install it"),
        ExceptionGroup("tasks", [ExceptionGroup("one", [Unreachable("away")]), Transient("busy")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_the_world_outside_restarts_nobody_however_long_it_is_away(
    error: Exception, vitals: Vitals, clock: Clock
) -> None:
    """A restart would bring nothing back, and cost every watch and every mirror."""
    await die_for(10 * PATIENCE, vitals, clock, error)

    assert vitals.defects() == ""


async def test_a_defect_in_a_group_with_errors_of_the_world_is_a_defect(vitals: Vitals, clock: Clock) -> None:
    """One is enough."""
    group = ExceptionGroup("tasks", [Unreachable("away"), ValueError("wrong")])
    await die_for(PATIENCE, vitals, clock, group)

    assert "ExceptionGroup" in vitals.defects()


async def test_an_error_of_the_world_between_defects_begins_the_patience_anew(vitals: Vitals, clock: Clock) -> None:
    """The task came as far as to ask the world."""
    await die_for(PATIENCE - 20, vitals, clock, ValueError("wrong"))
    await die(vitals, ends(Unreachable("away")))
    await die_for(PATIENCE - 20, vitals, clock, ValueError("wrong"))

    assert vitals.defects() == ""


async def test_a_long_life_forgives_what_was_before(vitals: Vitals, clock: Clock) -> None:
    """A defect once an hour is a matter of the log."""
    await die_for(PATIENCE - 20, vitals, clock, ValueError("wrong"))
    await die(vitals, ends(ValueError("wrong"), after=LONG_LIFE + 1, clock=clock))
    clock.now += PATIENCE - 1

    assert vitals.defects() == ""


async def test_a_task_that_lives_long_again_is_sound(vitals: Vitals, clock: Clock) -> None:
    """While it lives, not only when that life ends."""
    await die_for(PATIENCE, vitals, clock, ValueError("wrong"))
    alive = asyncio.Event()
    task = asyncio.create_task(vitals.live("registry", alive.wait), name="registry")  # type: ignore[arg-type]
    await asyncio.sleep(0)
    before = vitals.defects()
    clock.now += LONG_LIFE + 1
    after = vitals.defects()
    alive.set()
    await task

    assert before
    assert after == ""


async def test_one_broken_task_does_not_hide_behind_sound_ones(vitals: Vitals, clock: Clock) -> None:
    """Each is looked at by itself, and the broken one is named alone."""
    until = clock.now + PATIENCE
    while clock.now <= until:
        await die(vitals, ends(ValueError("wrong")), name="sources")
        await die(vitals, ends(Unreachable("away")), name="registry")
        clock.now += 10

    assert vitals.defects().startswith("sources has failed")
    assert "registry" not in vitals.defects()


async def test_the_end_of_the_process_is_no_defect(vitals: Vitals, clock: Clock) -> None:
    """Cancellation passes, and is not held against the task."""
    task = asyncio.create_task(vitals.live("registry", asyncio.Event().wait), name="registry")  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.now += 2 * PATIENCE

    assert vitals.defects() == ""


def test_a_loop_that_is_late_for_minutes_is_unhealthy(vitals: Vitals, clock: Clock) -> None:
    """Nothing that has a deadline is done any more."""
    vitals.lag(LATE + 1)
    clock.now += PATIENCE
    vitals.lag(LATE + 1)

    assert vitals.lateness() == "the event loop has been more than 5 s late for 300 s"


def test_one_timer_in_time_shows_that_the_loop_lives(vitals: Vitals, clock: Clock) -> None:
    """A machine that was asleep, or a heavy minute, restarts nobody."""
    vitals.lag(LATE + 1000)
    clock.now += PATIENCE - 1
    vitals.lag(0.1)
    clock.now += 10
    vitals.lag(LATE + 1)

    assert vitals.lateness() == ""
