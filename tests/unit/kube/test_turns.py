"""Turns: fewer while the server refuses, more again while it answers, first come first served."""

from __future__ import annotations

import asyncio

from controller.kube.turns import Turns


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def _hold(turns: Turns, held: list[int], number: int, leave: asyncio.Event) -> None:
    async with turns.turn():
        held.append(number)
        await leave.wait()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_are_under_way_than_the_limit_and_the_first_to_come_is_next() -> None:
    """A turn that is given back goes to whoever has waited longest."""
    turns, held = Turns(2), list[int]()
    events = [asyncio.Event() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for number, leave in enumerate(events):
            group.create_task(_hold(turns, held, number, leave), name=f"holder {number}")
        await _settle()
        assert held == [0, 1]

        events[1].set()
        await _settle()
        assert held == [0, 1, 2]
        for leave in events:
            leave.set()
    assert held == [0, 1, 2, 3]


async def test_a_refusal_takes_a_third_and_several_in_a_second_are_one() -> None:
    """What was under way when the server began to refuse was sent at the old limit."""
    clock = Clock()
    told: list[int] = []
    turns = Turns(50, on_limit=told.append, clock=clock)

    for _ in range(10):
        turns.refused()
    assert turns.limit == 33
    clock.now += 1
    turns.refused()

    assert turns.limit == 22
    assert told == [50, 33, 22]
    for _ in range(20):
        clock.now += 1
        turns.refused()
    assert turns.limit == 1


async def test_each_round_of_answers_adds_one_up_to_what_the_cluster_allows() -> None:
    """The way back is slower than the way down."""
    turns = Turns(12)
    turns.refused()
    assert turns.limit == 8

    for _ in range(9):
        turns.answered()
    assert turns.limit == 9
    for _ in range(200):
        turns.answered()

    assert turns.limit == 12


async def test_a_lower_limit_holds_for_those_who_wait() -> None:
    """Nobody is interrupted; turns are given out again once fewer are under way than the limit."""
    turns, held = Turns(3), list[int]()
    events = [asyncio.Event() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for number, leave in enumerate(events):
            group.create_task(_hold(turns, held, number, leave), name=f"holder {number}")
        await _settle()
        turns.refused()
        assert turns.limit == 2

        events[0].set()
        await _settle()
        assert held == [0, 1, 2]
        events[1].set()
        await _settle()
        assert held == [0, 1, 2, 3]
        for leave in events:
            leave.set()


async def test_a_turn_that_comes_to_one_who_was_cancelled_is_not_lost() -> None:
    """It goes to the next."""
    turns, held = Turns(1), list[int]()
    first, third = asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(_hold(turns, held, 0, first), name="holder")
    await _settle()
    second = asyncio.create_task(_hold(turns, held, 1, asyncio.Event()), name="cancelled")
    last = asyncio.create_task(_hold(turns, held, 2, third), name="last")
    await _settle()

    first.set()
    await asyncio.sleep(0)  # the holder has left, and its turn is on the way to the second
    second.cancel()
    await _settle()
    third.set()

    await asyncio.wait_for(asyncio.gather(holder, last), 5)
    assert 2 in held
