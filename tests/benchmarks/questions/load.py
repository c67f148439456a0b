"""Many Applications created at once: how soon are all of them Ready, beside the same requests sent bare?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.rounds import one_round, ratios_of, tables
from tests.benchmarks.spread import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.rounds import Round

WARM_UP = 20
"""Applications that are rolled out by both before anything counts: a new API server is slow at first."""
SMALLER = (100, 300)
"""Sizes that are measured once, before the one that was asked for: the curve."""
TO_BARE, CPU_TO_SERVER, LAG_P99, LONGEST = 1.3, 1.0, 50.0, 100.0
MEMORY = 150.0
"""MiB at 1,000 Applications."""


class Load:
    """Kustomize directories of one repository."""

    name = "load"
    title = "Applications created at once: until all are Ready, beside the same requests sent bare"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it; the last fleet stays at anchor."""
        size, times = self.asked.applications, self.asked.repetitions
        few = min(WARM_UP, size)
        one_round(ground, few, "ours first", progress, f"warming up with {few} Applications")
        smaller = [
            one_round(ground, some, "ours first", progress, f"{some} Applications")
            for some in SMALLER
            if some < size and not self.asked.quick
        ]
        rounds = [
            one_round(
                ground,
                size,
                # The last of ours stays for the questions that follow.
                "ours first" if (times - number) % 2 == 0 else "bare first",
                progress,
                f"{size} Applications, round {number + 1} of {times}",
            )
            for number in range(times)
        ]
        return answer(smaller, rounds)


def answer(smaller: Sequence[Round], rounds: Sequence[Round]) -> Answer:
    """What the rounds say, those of the wanted size and those of smaller ones."""
    ratios = {name: spread.median for name, spread in ratios_of(rounds).items()}
    size = rounds[0].ours.applications
    lag = max(1000 * one.ours.lag.p99 for one in rounds)
    return Answer(
        question=Load.name,
        sections=[*tables(rounds), *([_sizes([*smaller, *rounds[-1:]])] if smaller else [])],
        ratios=ratios,
        aims=[
            Aim(f"{size} Applications to bare", ratios["seconds to bare"], TO_BARE, "x"),
            Aim("CPU of ours to the API server's", ratios["CPU of the client to the API server's"], CPU_TO_SERVER, "x"),
            Aim(
                f"peak memory of the controller itself at {size} Applications",
                max(one.ours.peak_memory.itself / MIB for one in rounds),
                MEMORY,
                "MiB",
            ),
            Aim("event-loop lag p99 during the load", lag, LAG_P99, "ms"),
            Aim("longest event-loop lag during the load", max(1000 * o.ours.lag.most for o in rounds), LONGEST, "ms"),
        ],
        plots=[_ready(rounds[-1]), *([_growth([*smaller, *rounds[-1:]])] if smaller else [])],
        data={"smaller": msgspec.to_builtins(list(smaller)), "rounds": msgspec.to_builtins(list(rounds))},
    )


def _sizes(rounds: Sequence[Round]) -> Section:
    rows = [
        (
            str(one.ours.applications),
            f"{one.ours.seconds:.2f}",
            f"{one.bare.seconds:.2f}",
            f"{one.ratios['seconds to bare']:.2f}",
            f"{one.ours.cpu.seconds:.1f}",
            f"{one.ours.peak_memory.itself / MIB:.0f}",
        )
        for one in rounds
    ]
    columns = ("Applications", "shipslog, s", "bare, s", "ratio", "CPU of ours, s", "peak memory, MiB")
    return Section("The same by size", columns, rows)


def _ready(last: Round) -> Plot:
    ready = last.ours.ready
    curve = Curve("Ready", [0.0, *ready], [float(number) for number in range(len(ready) + 1)])
    limit = Curve("bare requests answered", [last.bare.seconds] * 2, [0.0, float(len(ready))])
    return Plot(
        "load",
        f"{len(ready)} Applications created at once",
        "seconds since they were created",
        "Applications Ready",
        [curve, limit],
    )


def _growth(rounds: Sequence[Round]) -> Plot:
    sizes = [float(one.ours.applications) for one in rounds]
    return Plot(
        "load-by-size",
        "Seconds until all are Ready, by size",
        "Applications",
        "seconds",
        [
            Curve("shipslog", sizes, [one.ours.seconds for one in rounds]),
            Curve("bare", sizes, [one.bare.seconds for one in rounds]),
        ],
    )
