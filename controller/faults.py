"""Fault points: named moments at which the process can be told to end as in a power cut, or one Application to fail.

Nothing happens unless `arm` was told one, by the variable SHIPSLOG_FAULT_POINT:

- `after-intent`: the process is killed there; `after-intent:3`: the third time that it gets there;
- `after-intent@shop`: our own code breaks there, each time, but only while it works on Applications named shop;
  `after-intent:3@shop`: the first three times.

They are how tests kill a run at each of its steps, and how an operator can rehearse a crash.
"""

from __future__ import annotations

import os
import signal
from contextvars import ContextVar
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

subject: ContextVar[str] = ContextVar("subject", default="")
"""Name of the Application that the task at hand works on."""


class Broken(RuntimeError):
    """Stands for a mistake of ours: nothing that anybody would expect, so no error of a fate."""


@dataclass
class _Armed:
    point: Point
    count: int
    """0: each time."""
    application: str = ""
    met: int = 0


_armed: _Armed | None = None


def arm(text: str) -> None:
    """Arm one point: `NAME`, `NAME:COUNT`, either with `@APPLICATION`; empty: none. Raises ValueError for others."""
    global _armed  # noqa: PLW0603 - the process as a whole ends
    where, _, application = text.partition("@")
    name, _, count = where.partition(":")
    point = next((point for point in POINTS if point == name), None)
    if text and (point is None or not (count or "1").isdigit()):
        raise ValueError(
            f"{VARIABLE} is {text!r}: it takes NAME or NAME:COUNT, and @APPLICATION, with a NAME of {', '.join(POINTS)}"
        )
    _armed = _Armed(point, int(count or 0), application) if point else None


def reach(point: Point) -> None:
    """This point of a run is reached. Raises Broken where the Application at hand is to fail here."""
    if _armed is None or _armed.point != point:
        return
    if not _armed.application:
        _armed.met += 1
        if _armed.met >= _armed.count:
            os.kill(os.getpid(), signal.SIGKILL)
    elif _armed.application == subject.get() and (not _armed.count or _armed.met < _armed.count):
        _armed.met += 1
        raise Broken(f"told to by {VARIABLE}")
