"""Identifiers of events (RFC 9562)."""

from __future__ import annotations

import secrets
import uuid

_DERIVED = uuid.UUID("5f7c5f2e-7a0b-5c1e-9d53-2f0b8a6f4c11")
"""Namespace of derived identifiers: never change it, a retry after an upgrade must find the same ids."""

_RANDOM_BITS = 74


class Uuid7:
    """A source of version 7 identifiers that grow within a process, also when the clock does not.

    RFC 9562 section 6.2, method 2: within a millisecond, and while the clock stands or runs backwards, the 74 random
    bits are a counter that takes random steps. (Python has `uuid.uuid7` from 3.14 on only.)
    """

    def __init__(self) -> None:
        self._last = 0

    def next(self, milliseconds: int) -> str:
        """The next identifier at a time given in milliseconds since 1970, in UTC."""
        if milliseconds > self._last >> _RANDOM_BITS:
            # The topmost random bit starts clear, so that counting up has room.
            self._last = milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS - 1)
        else:
            self._last += 1 + secrets.randbits(32)
        time, high, low = self._last >> 74, self._last >> 62 & 0xFFF, self._last & (1 << 62) - 1
        return str(uuid.UUID(int=time << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


def derived(*names: str) -> str:
    """The same identifier for the same names, always (version 5): for events that a retry must not double."""
    return str(uuid.uuid5(_DERIVED, "\x00".join(names)))


def is_derived(identifier: str) -> bool:
    """True unless it is a version 7 identifier, which only the journal makes."""
    return identifier[14:15] != "7"
