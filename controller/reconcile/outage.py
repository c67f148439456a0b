"""Why a cluster can't be used."""

from __future__ import annotations

import msgspec

from controller.errors import ShipslogError, Unreachable
from controller.tasks import DeadlineExceeded


class Outage(msgspec.Struct, frozen=True):
    """Why a cluster can't be used: one word for programs, a sentence for people."""

    reason: str
    message: str

    @property
    def sentence(self) -> str:
        """What the cluster does instead."""
        return f"does not answer: {self.message}" if self.reason == "Unreachable" else f"can't be used: {self.message}"


NEW = Outage("Unreachable", "it was not reached yet")
"""Of a cluster that was not asked yet."""


def outage_of(error: ShipslogError) -> Outage:
    """What an error says of a cluster. How it failed to answer is no reason of its own: that changes all the time."""
    silent = isinstance(error, Unreachable | DeadlineExceeded)
    return Outage("Unreachable" if silent else error.cause, str(error))
