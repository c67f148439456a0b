"""Bodies of events as a journal makes them, without one."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

from controller.record.body import Stamp, compose, timestamp
from controller.record.identifier import Uuid7

if TYPE_CHECKING:
    from controller.model.event import Draft, Event

_IDENTIFIERS = Uuid7()
_NUMBERS = itertools.count(1)
BOOT = _IDENTIFIERS.next(1)


def event_of(draft: Draft, moment: dt.datetime | None = None, identifier: str = "") -> Event:
    """The event of a draft, at a moment (now) under an identifier (a new one)."""
    moment = moment or dt.datetime.now(dt.UTC)
    stamp = Stamp(
        id=identifier or _IDENTIFIERS.next(int(moment.timestamp() * 1000)),
        occurred_at=timestamp(moment),
        producer="shipslog-0",
        boot=BOOT,
        seq=next(_NUMBERS),
    )
    return compose(draft, stamp)
