"""What processes use: CPU of a tree, also of children that are gone, and its memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENGINE = "shipslog-render"
SAMPLE = 0.1
"""Seconds between two looks at memory."""


class Cpu(msgspec.Struct, frozen=True, rename="camel"):
    """CPU seconds, user and system: of the process itself, and of what it started (render engine, git)."""

    itself: float
    programs: float

    @property
    def seconds(self) -> float:
        """Of the whole tree."""
        return self.itself + self.programs

    def since(self, before: Cpu) -> Cpu:
        """What was used after `before`."""
        return Cpu(self.itself - before.itself, self.programs - before.programs)


def cpu_of(pid: int) -> Cpu:
    """CPU of the process and of all that it ever started and that has ended or still runs."""
    process = psutil.Process(pid)
    used = process.cpu_times()
    programs = used.children_user + used.children_system
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            programs += times.user + times.system + times.children_user + times.children_system
    return Cpu(used.user + used.system, programs)


class Processes(msgspec.Struct, frozen=True, rename="camel"):
    """CPU seconds by where they are used. `ended`: programs that are gone and were waited for, git above all."""

    event_loop: float
    threads: float
    engine: float
    others: float
    ended: float

    def since(self, before: Processes) -> Processes:
        """What was used after `before`; a program that ended in between counts for `ended`."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(before), strict=True)
        return Processes(*(round(max(0.0, now - then), 3) for now, then in pairs))


def processes_of(pid: int) -> Processes:
    """The controller's event loop, its threads, its render engines, its other programs."""
    process = psutil.Process(pid)
    used = process.cpu_times()
    loop = sum(thread.user_time + thread.system_time for thread in process.threads() if thread.id == pid)
    engine = others = 0.0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total = times.user + times.system + times.children_user + times.children_system
            if child.name().startswith(ENGINE):
                engine += total
            else:
                others += total
    ended = used.children_user + used.children_system
    return Processes(loop, used.user + used.system - loop, engine, others, ended)


class Bystanders:
    """What programs that have no part in it use meanwhile: how far the figures can be trusted."""

    def __init__(self) -> None:
        self._before = self._now()

    def share(self) -> float:
        """Of all cores, since the beginning: 0 to 1."""
        busy, ours, total = (now - before for now, before in zip(self._now(), self._before, strict=True))
        return round(max(0.0, busy - ours) / total, 3) if total else 0.0

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """CPU seconds of the machine, of this process and all it started, and those that there were."""
        times = psutil.cpu_times()
        used = times.user + times.nice + times.system + times.irq + times.softirq
        return used, cpu_of(os.getpid()).seconds, used + times.idle + times.iowait + times.steal


class Memory(msgspec.Struct, frozen=True, rename="camel"):
    """Resident bytes: of the process itself, and of what it started. Pages that they share count for each."""

    itself: int = 0
    programs: int = 0

    @property
    def total(self) -> int:
        """Of the whole tree."""
        return self.itself + self.programs


def memory_of(pid: int) -> Memory:
    """Resident memory of the process and of all that it started and that still runs."""
    process = psutil.Process(pid)
    programs = 0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            programs += child.memory_info().rss
    return Memory(process.memory_info().rss, programs)


class Peak:
    """The most memory that was seen, as it was shared out at that moment."""

    def __init__(self) -> None:
        self.memory = Memory()

    def see(self, memory: Memory) -> None:
        """One look at it."""
        if memory.total > self.memory.total:
            self.memory = memory


@asynccontextmanager
async def peak_memory(pid: int) -> AsyncIterator[Peak]:
    """Look at a tree's memory again and again while the block runs."""
    peak = Peak()

    async def sample() -> None:
        while True:
            peak.see(memory_of(pid))
            await asyncio.sleep(SAMPLE)

    task = asyncio.create_task(sample(), name="memory")
    try:
        yield peak
        peak.see(memory_of(pid))
    finally:
        task.cancel()
        await asyncio.wait([task])
