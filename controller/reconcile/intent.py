"""From a durable intent to its one result, whatever happens in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from controller import faults

if TYPE_CHECKING:
    from controller.model.event import Draft, Event
    from controller.ports import Ledger
    from controller.reconcile.rooms import Memory


How = Literal["done", "broken off"]


class Intent:
    """Writes under way: what came of each object is recorded through it."""

    def __init__(self, event: Event, ledger: Ledger) -> None:
        self.id = event.id
        self._ledger = ledger
        self.unrecorded: list[Draft] = []

    async def record(self, draft: Draft) -> None:
        """Record what came of an object. What can't be recorded now is owed (`controller.reconcile.loop.pay`)."""
        self.unrecorded.append(draft)
        await self._ledger.append(draft)
        self.unrecorded.remove(draft)


@asynccontextmanager
async def intent(
    ledger: Ledger, memory: Memory, draft: Draft, result: Callable[[str, How], Draft]
) -> AsyncIterator[Intent]:
    """Make the intent durable, and its result when the block ends.

    `result(intent_id, how)` makes the record of the result; a block that ends by an exception, a cancellation
    included, was broken off: nobody knows what became of requests that were under way. Then, and when the result can't
    be recorded, it is owed together with what could not be recorded of objects. Raises SpoolError where the intent
    can't be made durable: then the block was not entered.
    """
    (event,) = await ledger.append(draft)
    under_way = Intent(event, ledger)
    how: How = "broken off"
    try:
        faults.reach("after-intent")
        yield under_way
        how = "done"
        faults.reach("before-result")
        await ledger.append(result(under_way.id, how))
        faults.reach("after-result")
    except BaseException:
        memory.owed = (*memory.owed, *under_way.unrecorded, result(under_way.id, how))
        raise
