"""When the collector of cyclic garbage runs in full."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from controller.app import garbage

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ring:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks come at once; nothing is collected in full by itself."""
    monkeypatch.setattr(garbage, "LOOK", 0.0)
    before = gc.get_threshold()
    garbage.prepare()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def gone(ring: weakref.ref[Ring], *, idle: bool, after: float) -> bool:
    """Whether the collector takes an old ring within some looks; the clock stands at `after` from the second on."""
    times = iter([0.0])
    task = asyncio.create_task(garbage.collect(lambda: idle, lambda: next(times, after)), name="garbage")
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return ring() is None


def old() -> weakref.ref[Ring]:
    """A ring that has survived, and that nobody holds but itself."""
    ring = Ring()
    gc.collect(1)
    return weakref.ref(ring)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("idle", "after", "taken"),
    [
        (True, garbage.QUIET, True),
        (True, garbage.QUIET - 1, False),
        (False, garbage.QUIET, False),
        (False, garbage.LONGEST, True),
    ],
)
async def test_old_garbage_is_taken_when_nothing_is_to_be_done_or_at_last(
    idle: bool, after: float, taken: bool
) -> None:
    """Work is not held up for it, until it has waited for half an hour."""
    assert await gone(old(), idle=idle, after=after) is taken


@pytest.mark.usefixtures("quick")
def test_a_full_collection_never_comes_by_itself() -> None:
    """However much is made and kept."""
    runs = gc.get_stats()[2]["collections"]

    kept = [[[]] for _ in range(garbage.YOUNG * garbage.MIDDLE * 2)]  # type: ignore[var-annotated]

    assert kept
    assert gc.get_stats()[2]["collections"] == runs
    assert gc.get_stats()[1]["collections"] > 0
