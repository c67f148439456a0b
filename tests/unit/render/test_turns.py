"""Turns at the workers: who comes first, who has to wait, and that nobody's place is lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from controller.render.turns import SUSPECT_SECONDS, Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Crew:
    """Tasks that take a turn, and keep it until they are told to end."""

    def __init__(self, turns: Turns, tasks: asyncio.TaskGroup) -> None:
        self._turns = turns
        self._tasks = tasks
        self._ends: dict[str, asyncio.Event] = {}
        self.running: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, *names: str) -> list[str]:
        """Ask for turns; the tenant is the name's first letter. Who has one now."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = self._tasks.create_task(self._work(name), name=name)
        return await self.settled()

    async def end(self, *names: str) -> list[str]:
        """End the work of these; who has a turn then."""
        for name in names or list(self._ends):
            self._ends[name].set()
        return await self.settled()

    async def settled(self) -> list[str]:
        """Who has a turn when everybody had time to take it."""
        for _ in range(5):
            await asyncio.sleep(0)
        return sorted(self.running)

    async def _work(self, name: str) -> None:
        async with self._turns.turn(name[0]):
            self.running.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


@asynccontextmanager
async def crew(turns: Turns) -> AsyncIterator[Crew]:
    """Everybody's work ends with the block."""
    async with asyncio.TaskGroup() as tasks:
        made = Crew(turns, tasks)
        yield made
        await made.end()


async def test_the_last_place_is_never_the_same_tenants() -> None:
    """One takes as many as it may; another comes at once."""
    async with crew(Turns(2)) as hands:
        assert await hands.ask("a1", "a2", "a3", "a4") == ["a1", "a2"]
        assert await hands.ask("b1") == ["a1", "a2", "b1"]
        assert await hands.end("a1") == ["a2", "a3", "b1"]


async def test_tenants_take_turns() -> None:
    """Whoever asked a hundred times comes no sooner than who asked once."""
    async with crew(Turns(1)) as hands:
        assert await hands.ask("a1", "b1", "a2", "a3", "b2", "c1", "c2") == ["a1", "b1"]
        assert await hands.end("a1") == ["a2", "b1"]
        assert await hands.end("b1") == ["a2", "b2"]
        assert await hands.end("a2") == ["b2", "c1"]
        assert await hands.end("b2") == ["a3", "c1"]
        assert await hands.end("c1") == ["a3", "c2"]


async def test_those_whose_input_had_no_end_never_have_all_places() -> None:
    """However many they are; and only for a while."""
    now = 0.0
    turns = Turns(2, clock=lambda: now)
    async with crew(turns) as hands:
        for tenant in "abc":
            turns.suspect(tenant)
        assert await hands.ask("a1", "b1", "c1") == ["a1", "b1"]
        assert await hands.ask("d1") == ["a1", "b1", "d1"]
        assert await hands.ask("d2", "d3") == ["a1", "b1", "d1"]
        assert await hands.end("a1") == ["b1", "d1", "d2"]
        assert await hands.end("d2") == ["b1", "d1", "d3"]
        now = SUSPECT_SECONDS + 1
        await hands.end()
        assert await hands.ask("a4", "b4", "c4") == ["a4", "b4", "c4"]


async def test_who_gives_up_waiting_takes_no_place_along() -> None:
    """Neither one that waits, nor one whose turn has just come."""
    async with crew(Turns(1)) as hands:
        await hands.ask("a1", "a2", "a3")
        hands.tasks["a2"].cancel()
        assert await hands.end("a1") == ["a3"]
        await hands.ask("a4")
        hands._ends["a3"].set()
        for _ in range(3):
            await asyncio.sleep(0)
        hands.tasks["a4"].cancel()
        assert await hands.settled() == []
        assert await hands.ask("a5", "b5") == ["a5", "b5"]
