"""Fights: somebody writes the same object again and again, as often as we heal it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable

HEALS = 5
"""Heals of one object within `WITHIN` seconds; after that somebody fights us, and we slow down."""
WITHIN = 60.0
LONGEST = 900.0
"""Seconds that a heal is put off at most: a fight is healed ever more slowly, and never given up."""


@dataclasses.dataclass
class Fight:
    """What we remember of one object's heals; all times on the monotonic clock."""

    heals: list[float] = dataclasses.field(default_factory=list)
    episodes: int = 0
    """Heals since the fight began, or since the object was quiet."""
    wait: float = 0.0
    """How long the last heal was put off; 0: nobody fights."""
    until: float = 0.0

    def healed(self, now: float) -> None:
        """We healed it: too often within a short time is a fight, and so is every heal that follows in one."""
        if self.wait and now - self.until > max(WITHIN, self.wait):
            self.wait, self.episodes = 0.0, 0  # it was quiet for longer than we had waited
        self.heals = [at for at in self.heals if now - at < WITHIN]
        self.heals.append(now)
        self.episodes = max(self.episodes + 1, len(self.heals))
        if self.wait or len(self.heals) >= HEALS:
            self.wait = min(self.wait * 2 or WITHIN, LONGEST)
            self.until = now + self.wait


class Fights:
    """The fights of one Application, by object. Losing them costs a handful of heals, nothing else."""

    def __init__(self) -> None:
        self._by_object: dict[str, Fight] = {}

    def healed(self, objects: Iterable[str], now: float | None = None) -> None:
        """We healed these objects."""
        now = time.monotonic() if now is None else now
        for name in objects:
            self._by_object.setdefault(name, Fight()).healed(now)
        for name in [name for name, fight in self._by_object.items() if now - max(fight.heals) > 2 * LONGEST]:
            del self._by_object[name]

    def fought(self, name: str, now: float | None = None) -> str:
        """Why this object is not healed now, as a sentence; empty when it may be."""
        now = time.monotonic() if now is None else now
        fight = self._by_object.get(name)
        if fight is None or now >= fight.until:
            return ""
        return (
            f"healed {fight.episodes} times: somebody writes the same object again and again, "
            f"so the next heal waits {fight.wait:.0f} s"
        )

    def contested(self, now: float | None = None) -> tuple[str, ...]:
        """The objects that somebody fights about: their next heal is put off, or was not long ago."""
        now = time.monotonic() if now is None else now
        return tuple(
            name
            for name, fight in self._by_object.items()
            if fight.wait and now - fight.until <= max(WITHIN, fight.wait)
        )

    def next(self, now: float | None = None) -> float:
        """Seconds until the next heal that is put off, or the end of the next fight; 0: there is none."""
        now = time.monotonic() if now is None else now
        due = [fight.until - now for fight in self._by_object.values() if fight.until > now]
        over = [
            fight.until + max(WITHIN, fight.wait) - now
            for fight in self._by_object.values()
            if fight.wait and fight.until <= now
        ]
        return max(0.0, min([*due, *(seconds + 0.1 for seconds in over if seconds >= 0)], default=0.0))
