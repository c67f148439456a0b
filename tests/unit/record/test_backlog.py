"""What waits: how many events, since when."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from controller.record.backlog import Backlog

START = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    """A moment, told from the start."""
    return START + dt.timedelta(seconds=seconds)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3))), st.data())
def test_the_age_is_that_of_the_oldest_event_within_a_second(
    arrivals: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Compared with a list of all of them."""
    backlog, plain, now = Backlog(), list[float](), 0.0
    for count, pause in arrivals:
        now += pause
        backlog.add(count, at(now))
        plain += [now] * count
    gone = data.draw(st.integers(0, len(plain)))

    backlog.remove(gone)

    assert backlog.count == len(plain) - gone
    age = backlog.age(lambda: at(now))
    expected = now - plain[gone] if gone < len(plain) else 0.0
    assert expected <= age <= expected + 1


def test_an_outage_of_a_day_stays_small() -> None:
    """Events of the same second are one entry."""
    backlog = Backlog()
    for number in range(10_000):
        backlog.add(1, at(number / 1000))

    assert backlog.count == 10_000
    assert len(backlog._counts) == 10


def test_a_clock_that_runs_backwards_makes_no_negative_age() -> None:
    """Time is corrected sometimes."""
    backlog = Backlog()
    backlog.add(1, at(100))

    assert backlog.age(lambda: at(0)) == 0.0
