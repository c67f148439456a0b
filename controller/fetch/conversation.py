"""A piece of blocking work with git, on a thread of its own, that ends with its caller."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from controller.fetch.command import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Result = TypeVar("_Result")
_STOP_SECONDS = 10.0
"""Longest wait for a thread whose git was killed."""


async def converse(directory: Path, work: Callable[[Command], _Result]) -> _Result:
    """Run `work` with a Command of its own; when we are cancelled, its git process is ended first.

    The thread is made for the call: that takes a twentieth of what starting git takes, and idle mirrors cost none.
    """
    command = Command(directory)
    thread = ThreadPoolExecutor(1, thread_name_prefix=f"git {directory.name}")
    future = asyncio.get_running_loop().run_in_executor(thread, work, command)
    thread.shutdown(wait=False)  # ends after the work
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        command.stop()
        await asyncio.wait({future}, timeout=_STOP_SECONDS)
        if future.done() and not future.cancelled():
            future.exception()  # looked at: it is our doing
        raise
    finally:
        if future.done():
            command.close()
