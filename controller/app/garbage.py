"""Python's collector of cyclic garbage, kept out of the way of work.

A full collection looks at every object that there is while the event loop stands still: 57 to 600 ms and a tenth of all
CPU were measured in a rollout of 300 Applications. Hardly anything of ours is cyclic, and what is dies young, in the
small collections; so full ones wait until nothing is to be done.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

YOUNG = 10_000
"""Objects made and not freed until the youngest are collected."""
MIDDLE = 20
"""Collections of the youngest until those that survived one are collected, too."""
NEVER = 1_000_000
LOOK = 5.0
"""Seconds between two looks whether a full collection is due."""
QUIET = 300.0
"""Seconds between two full collections while nothing is to be done."""
LONGEST = 1800.0
"""Seconds after which one comes although there is work: what was cyclic must go at last."""


def prepare() -> None:
    """What was imported stays for good and is not looked at again; full collections come only from `collect`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


async def collect(idle: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
    """Collect in full when nothing is to be done and something survived since the last time, for ever."""
    last = clock()
    while True:
        await asyncio.sleep(LOOK)
        since = clock() - last
        if since >= LONGEST or (since >= QUIET and idle() and gc.get_count()[2]):
            gc.collect()
            last = clock()
