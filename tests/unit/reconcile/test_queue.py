"""The queue of keys."""

from __future__ import annotations

import asyncio

from controller.model.objects import Key
from controller.model.run import Trigger
from controller.reconcile.queue import KeyQueue

ONE, TWO = Key("a", "one"), Key("a", "two")


async def _taken(queue: KeyQueue) -> Key:
    work = await asyncio.wait_for(queue.take(), 5)
    assert work is not None
    return work.key


async def test_a_key_put_twice_is_handed_out_once_with_both_reasons() -> None:
    """Keys are deduplicated; reasons add up."""
    queue = KeyQueue()
    queue.put(ONE, Trigger.INTERVAL)
    queue.put(ONE, Trigger.DRIFT)

    work = await asyncio.wait_for(queue.take(), 5)

    assert work is not None
    assert work.triggers == {Trigger.INTERVAL, Trigger.DRIFT}
    assert work.trigger is Trigger.DRIFT
    assert len(queue) == 0


async def test_the_most_urgent_key_goes_first() -> None:
    """A person's request overtakes drift, and drift the interval."""
    queue = KeyQueue()
    keys = {trigger: Key("a", trigger.value) for trigger in (Trigger.INTERVAL, Trigger.DRIFT, Trigger.USER)}
    for trigger, key in keys.items():
        queue.put(key, trigger)

    order = [await _taken(queue) for _ in keys]

    assert order == [keys[Trigger.USER], keys[Trigger.DRIFT], keys[Trigger.INTERVAL]]


async def test_a_more_urgent_reason_moves_a_waiting_key_forward() -> None:
    """A key that waits for its interval and is asked for by a person goes first."""
    queue = KeyQueue()
    queue.put(ONE, Trigger.INTERVAL)
    queue.put(TWO, Trigger.DRIFT)
    queue.put(ONE, Trigger.USER)

    assert [await _taken(queue), await _taken(queue)] == [ONE, TWO]


async def test_a_key_in_hand_is_given_to_nobody_else_until_it_is_done() -> None:
    """One worker per key; what is put meanwhile comes after."""
    queue = KeyQueue()
    queue.put(ONE, Trigger.USER)
    assert await _taken(queue) == ONE
    queue.put(ONE, Trigger.DRIFT)
    queue.put(TWO, Trigger.INTERVAL)

    assert await _taken(queue) == TWO
    waiting = asyncio.create_task(queue.take(), name="waiting")
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(ONE)

    work = await asyncio.wait_for(waiting, 5)
    assert work is not None
    assert work.triggers == {Trigger.DRIFT}


async def test_of_two_delays_the_earlier_holds_and_an_event_cancels_both() -> None:
    """A delayed wish is a lower bound of attention, not an extra look."""
    queue = KeyQueue()
    queue.put_after(ONE, Trigger.INTERVAL, 3600)
    queue.put_after(ONE, Trigger.RETRY, 0.01)
    queue.put_after(ONE, Trigger.HEALTH, 1800)

    work = await asyncio.wait_for(queue.take(), 5)

    assert work is not None
    assert work.triggers == {Trigger.RETRY}
    queue.put_after(TWO, Trigger.INTERVAL, 0.02)
    queue.put(TWO, Trigger.USER)
    assert await _taken(queue) == TWO
    assert not queue._timers


async def test_a_closed_queue_sends_its_workers_home() -> None:
    """After close nobody is handed a key, not even one that waits."""
    queue = KeyQueue()
    waiting = asyncio.create_task(queue.take(), name="waiting")
    await asyncio.sleep(0)
    queue.put_after(ONE, Trigger.INTERVAL, 3600)
    queue.close()
    queue.put(TWO, Trigger.USER)

    assert await asyncio.wait_for(waiting, 5) is None
    assert await asyncio.wait_for(queue.take(), 5) is None
    assert not queue._timers


async def test_a_flood_of_one_namespace_costs_another_one_turn() -> None:
    """Between namespaces it is the one with the fewest keys in hand that is served next, whatever waits elsewhere."""
    queue = KeyQueue(limit=4)
    for number in range(100):
        queue.put(Key("flood", f"app-{number}"), Trigger.USER)
    assert [(await _taken(queue)).namespace for _ in range(2)] == ["flood", "flood"]
    queue.put(Key("calm", "app"), Trigger.INTERVAL)

    assert await _taken(queue) == Key("calm", "app")


async def test_a_namespace_whose_keys_take_long_never_has_all_places() -> None:
    """Whoever has nothing in hand is served at once, however many keys of the other are in hand and wait."""
    queue = KeyQueue(limit=4)
    for number in range(100):
        queue.put(Key("slow", f"app-{number}"), Trigger.USER)
    assert [(await _taken(queue)).namespace for _ in range(3)] == ["slow"] * 3
    waiting = asyncio.create_task(queue.take(), name="waiting")
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(Key("calm", "app"), Trigger.INTERVAL)

    work = await asyncio.wait_for(waiting, 5)
    assert work is not None
    assert work.key == Key("calm", "app")


async def test_namespaces_take_turns_when_each_has_as_much_in_hand() -> None:
    """The one that was served longest ago is next, and inside it the most urgent key."""
    queue = KeyQueue(limit=1)
    for namespace in ("a", "b"):
        queue.put(Key(namespace, "later"), Trigger.INTERVAL)
        queue.put(Key(namespace, "soon"), Trigger.DRIFT)

    order = []
    for _ in range(4):
        order.append(await _taken(queue))
        queue.done(order[-1])

    assert order == [Key("a", "soon"), Key("b", "soon"), Key("a", "later"), Key("b", "later")]


async def test_a_cluster_has_so_many_keys_in_hand_and_another_is_not_held_up() -> None:
    """The limit is each cluster's own."""
    queue = KeyQueue(limit=2, cluster_of=lambda key: key.name.partition("-")[0])
    for number in range(5):
        queue.put(Key("a", f"slow-{number}"), Trigger.USER)
    queue.put(Key("a", "fast-1"), Trigger.INTERVAL)

    taken = [await _taken(queue) for _ in range(3)]

    assert Key("a", "fast-1") in taken
    waiting = asyncio.create_task(queue.take(), name="waiting")
    await asyncio.sleep(0)
    assert not waiting.done()
    slow = next(key for key in taken if key.name.startswith("slow"))
    queue.done(slow)
    work = await asyncio.wait_for(waiting, 5)
    assert work is not None
    assert work.key.name.startswith("slow")


async def test_what_failed_before_never_fills_a_cluster() -> None:
    """A quarter of what may be in hand is for keys that come back after a failure; sound ones go past them."""
    queue = KeyQueue(limit=8)
    for number in range(20):
        queue.put(Key("a", f"broken-{number}"), Trigger.RETRY)
    queue.put(Key("a", "sound"), Trigger.INTERVAL)

    taken = [await _taken(queue) for _ in range(3)]

    assert [key.name.partition("-")[0] for key in taken].count("broken") == 2
    assert Key("a", "sound") in taken
    waiting = asyncio.create_task(queue.take(), name="waiting")
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(next(key for key in taken if key.name.startswith("broken")))
    work = await asyncio.wait_for(waiting, 5)
    assert work is not None
    assert work.key.name.startswith("broken")
    waiting.cancel()


async def test_clusters_and_namespaces_that_are_gone_cost_nothing() -> None:
    """Their lanes go with their last key."""
    queue = KeyQueue(limit=2, cluster_of=lambda key: key.name)
    for number in range(10):
        queue.put(Key(f"namespace-{number}", f"cluster-{number}"), Trigger.USER)
        queue.done(await _taken(queue))
    queue.put(ONE, Trigger.USER)
    queue.done(await _taken(queue))
    queue.put(ONE, Trigger.USER)
    await _taken(queue)

    assert list(queue._lanes) == ["one"]


async def test_a_key_is_handed_out_only_once_for_all_its_reasons() -> None:
    """Neither the second reason nor one that came while it was in hand is a look of its own."""
    queue = KeyQueue()
    for trigger in (Trigger.INTERVAL, Trigger.DRIFT, Trigger.USER):
        queue.put(ONE, trigger)
    assert await _taken(queue) == ONE
    for trigger in (Trigger.DRIFT, Trigger.HEALTH):
        queue.put(ONE, trigger)
    queue.done(ONE)
    assert await _taken(queue) == ONE
    queue.done(ONE)
    queue.put(TWO, Trigger.INTERVAL)

    assert await _taken(queue) == TWO
    assert len(queue) == 0
