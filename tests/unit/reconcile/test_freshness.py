"""How new an answer must be for who waits in the queue."""

from __future__ import annotations

import asyncio

from controller.model.objects import Key
from controller.model.run import Trigger
from controller.reconcile.queue import KeyQueue

ONE = Key("a", "one")


async def test_a_key_says_when_it_was_last_asked_for_whatever_it_waited_for_before() -> None:
    """An answer from between two requests is too old for the second, also where both have the same reason."""
    now = 10.0
    queue = KeyQueue(clock=lambda: now)
    queue.put(ONE, Trigger.INTERVAL)
    now = 20.0
    queue.put(ONE, Trigger.USER)
    now = 30.0
    queue.put(ONE, Trigger.USER)
    now = 35.0

    work = await asyncio.wait_for(queue.take(), 5)

    assert work is not None
    assert (work.asked, work.waited) == (30.0, 25.0)


async def test_a_key_put_while_it_is_in_hand_is_asked_for_anew() -> None:
    """What came while a worker had the key is newer than the work in hand."""
    now = 10.0
    queue = KeyQueue(clock=lambda: now)
    queue.put(ONE, Trigger.USER)
    first = await asyncio.wait_for(queue.take(), 5)
    now = 20.0
    queue.put(ONE, Trigger.USER)
    queue.done(ONE)

    second = await asyncio.wait_for(queue.take(), 5)

    assert first is not None
    assert second is not None
    assert (first.asked, second.asked) == (10.0, 20.0)
