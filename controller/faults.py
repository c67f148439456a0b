"""Fault points: named moments at which the process can be told to end as in a power cut.

Nothing happens unless `arm` was told one, by the variable SHIPSLOG_FAULT_POINT: `after-intent`, or `after-intent:3` for
the third time that it is reached. They are how tests kill a run at each of its steps, and how an operator can rehearse
a crash.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal, get_args

VARIABLE = "SHIPSLOG_FAULT_POINT"

Point = Literal[
    "after-fetch",
    "after-render",
    "after-drift-recorded",
    "before-inventory",
    "after-inventory",
    "after-plan-recorded",
    "after-intent",
    "after-write",
    "after-object-recorded",
    "before-result",
    "after-result",
    "after-heal-recorded",
    "before-completed",
    "before-status",
    "after-status",
    "before-finalizer",
    "after-finalizer",
    "after-delivery",
]
POINTS: tuple[Point, ...] = get_args(Point)


@dataclass
class _Armed:
    point: Point
    left: int


_armed: _Armed | None = None


def arm(text: str) -> None:
    """Have the process end at a point, `NAME` or `NAME:COUNT`; empty: nowhere. Raises ValueError for an unknown one."""
    global _armed  # noqa: PLW0603 - the process as a whole ends
    name, _, count = text.partition(":")
    point = next((point for point in POINTS if point == name), None)
    if text and (point is None or not (count or "1").isdigit()):
        raise ValueError(f"{VARIABLE} is {text!r}: it takes NAME or NAME:COUNT, with a NAME of {', '.join(POINTS)}")
    _armed = _Armed(point, int(count or 1)) if point else None


def reach(point: Point) -> None:
    """This point of a run is reached."""
    if _armed is None or _armed.point != point:
        return
    _armed.left -= 1
    if _armed.left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
