"""SIGTERM and SIGINT: the first asks for an end, the second one is an end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGTERM or SIGINT; a second one ends the process at once, with 128 and its number."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def give_up(number: int, _: FrameType | None) -> None:
        os._exit(128 + number)

    def first() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
            # Not the loop's handler: it must work while the loop stands still. Nor the default, which the first
            # process of a container never gets.
            signal.signal(number, give_up)
        stop()

    for number in numbers:
        loop.add_signal_handler(number, first)
