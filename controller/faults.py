"""Fault points: named moments at which the process can be told to end as in a power cut, or one Application to fail.

Nothing happens unless `arm` was told one, by the variable SHIPSLOG_FAULT_POINT:

- `after-intent`: the process is killed there; `after-intent:3`: the third time that it gets there;
- `after-intent@shop`: our own code breaks there, each time, but only while it works on Applications named shop;
  `after-intent:3@shop`: the first three times;
- `after-intent?/run/armed`, as the end of any of these: it counts only from when that file exists.

They are how tests kill a run at each of its steps, and how an operator can rehearse a crash.
"""

from __future__ import annotations

import os
import signal
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
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
    "after-takeover",
    "after-old-deleted",
    "after-write",
    "after-object-recorded",
    "before-result",
    "after-result",
    "after-heal-recorded",
    "before-completed",
    "before-status",
    "after-status",
    "after-deletion",
    "after-deletion-recorded",
    "before-left",
    "after-left",
    "before-finalizer",
    "after-finalizer",
    "before-rewrite-recorded",
    "after-rewrite-recorded",
    "after-delivery",
]
"""Where a run can be stopped.

`after-takeover`: what others declared is ours, and not applied yet; `after-old-deleted`: an object that is replaced is
gone, and the new one not there yet; `before-left`: what stood in another cluster is gone, and the status still has it.
"""
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
    signal: str = ""
    """The file that must exist."""
    met: int = 0


_armed: _Armed | None = None


def arm(text: str) -> None:
    """Arm one point: `NAME[:COUNT][@APPLICATION][?FILE]`; empty: none. Raises ValueError for others."""
    global _armed  # noqa: PLW0603 - the process as a whole ends
    rest, _, file = text.partition("?")
    where, _, application = rest.partition("@")
    name, _, count = where.partition(":")
    point = next((point for point in POINTS if point == name), None)
    if text and (point is None or not (count or "1").isdigit()):
        raise ValueError(
            f"{VARIABLE} is {text!r}: it takes NAME[:COUNT][@APPLICATION][?FILE], with a NAME of {', '.join(POINTS)}"
        )
    _armed = _Armed(point, int(count or 0), application, file) if point else None


def reach(point: Point) -> None:
    """This point of a run is reached. Raises Broken where the Application at hand is to fail here."""
    if _armed is None or _armed.point != point or (_armed.signal and not Path(_armed.signal).exists()):
        return
    if not _armed.application:
        _armed.met += 1
        if _armed.met >= _armed.count:
            os.kill(os.getpid(), signal.SIGKILL)
    elif _armed.application == subject.get() and (not _armed.count or _armed.met < _armed.count):
        _armed.met += 1
        raise Broken(f"told to by {VARIABLE}")
