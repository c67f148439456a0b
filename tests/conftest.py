"""What every test stands on: a loop that must not block and must not leak."""

from __future__ import annotations

import asyncio
import inspect
import signal
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run in the background of a script ignores SIGINT, and what it starts would, too: tests of Ctrl-C would hang.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The first text on a fresh checkout builds a table of Unicode, and a busy machine is slow: neither is a test's fault.
settings.register_profile("shipslog", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shipslog")


@pytest.fixture(autouse=True)
def _loop_is_not_blocked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A blocking call on the event loop fails the test, and so does a task it leaves behind."""
    function = getattr(request.node, "function", None)
    if not inspect.iscoroutinefunction(function):
        yield
        return
    request.getfixturevalue("_no_task_is_leaked")
    if request.node.get_closest_marker("allow_blocking"):
        yield
        return
    blocker = BlockBuster(scanned_modules=["controller"])
    blocker.activate()
    try:
        yield
    finally:
        blocker.deactivate()


@pytest_asyncio.fixture
async def _no_task_is_leaked() -> AsyncIterator[None]:
    """Tasks that a test started end before it does."""
    before = asyncio.all_tasks()
    yield
    leaked = {task for task in asyncio.all_tasks() - before if not task.done()}
    leaked -= {asyncio.current_task()}
    assert not leaked, f"tasks left behind: {sorted(task.get_name() for task in leaked)}"
