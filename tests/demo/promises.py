"""What each measured step must keep to, in seconds: real bounds, wide enough for a busy machine."""

from __future__ import annotations

from dataclasses import dataclass

BOUNDS = {
    "created to live": 15.0,
    "push to live": 10.0,
    "hand edit to recorded": 1.0,
    "recorded to healed": 5.0,
    "deletion to recorded": 1.0,
    "deletion to restored": 5.0,
    "bad release to known": 20.0,
    "revert to live": 10.0,
}


class Missed(Exception):
    """A step did not do what it promises; the message is the reason, on one line."""


@dataclass(frozen=True)
class Measured:
    """One time that was measured, in seconds; `bound` is what was promised, where something was."""

    name: str
    seconds: float
    bound: float | None = None


def bounds(given: list[str]) -> dict[str, float]:
    """The bounds, changed by `NAME=SECONDS`; raises ValueError for a name that is none of them."""
    changed = dict(BOUNDS)
    for one in given:
        name, _, seconds = one.partition("=")
        if name not in BOUNDS:
            raise ValueError(f"{name!r} is not measured: it is one of {', '.join(BOUNDS)}")
        changed[name] = float(seconds)
    return changed
