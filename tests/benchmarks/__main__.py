"""`python -m tests.benchmarks`: measure against the API server's own limit."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import msgspec
import orjson

from tests.benchmarks import markdown, table
from tests.benchmarks.bare import send_bare
from tests.benchmarks.commits import commit_often
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.harbour import Harbour, harbour
from tests.benchmarks.machine import machine
from tests.benchmarks.ours import INTERVAL, roll_out, standing
from tests.benchmarks.progress import Progress
from tests.benchmarks.results import Bare, Day, Order, Ours, Ratios, Results, Round, Settings, summary
from tests.benchmarks.steady import stand_still

WARM_UP = 20
"""Applications that are rolled out by both before anything counts: a new API server is slow at first."""
PROFILING = Path(__file__).resolve().parent / "profiling"


class Benchmark:
    """One benchmark under way."""

    def __init__(self, ground: Harbour, settings: Settings, progress: Progress, profile: Path | None) -> None:
        self.ground = ground
        self.settings = settings
        self.progress = progress
        self.profile = profile
        self.day: Day | None = None

    def run(self, load: float) -> Results:
        """Measure everything."""
        few = min(WARM_UP, self.settings.applications)
        with self.progress.step(f"warming up with {few} Applications"):
            self.bare(few)
            self.ours(few)
        rounds = [self.round(number) for number in range(self.settings.repetitions)]
        assert self.day is not None
        return Results(
            machine=machine(self.ground, load),
            settings=self.settings,
            rounds=rounds,
            ratios=summary(rounds),
            asked=self.day.asked,
            polled=self.day.polled,
            steady=self.day.steady,
        )

    def round(self, number: int) -> Round:
        """Both, ours first in every other round; after the last of ours, what a day brings."""
        size = self.settings.applications
        order: Order = "bare first" if number % 2 else "ours first"
        last = number == self.settings.repetitions - 1
        with self.progress.step(f"round {number + 1} of {self.settings.repetitions}, {order}"):
            if order == "ours first":
                ours = self.ours(size, last=last)
                bare = self.bare(size)
            else:
                bare = self.bare(size)
                ours = self.ours(size, last=last)
        ratios = Ratios.of(ours, bare)
        self.progress.say(f"ours {ours.seconds:.2f} s, bare {bare.seconds:.2f} s, ratio {ratios.seconds:.2f}")
        return Round(order, ours, bare, ratios)

    def bare(self, size: int) -> Bare:
        """The requests sent bare, on an emptied API server."""
        return asyncio.run(self._bare(Fleet(size)))

    def ours(self, size: int, *, last: bool = False) -> Ours:
        """A rollout by a controller of its own, on an emptied API server."""
        return asyncio.run(self._ours(Fleet(size), last=last))

    async def _bare(self, fleet: Fleet) -> Bare:
        async with self.ground.world(fleet.names) as world:
            return await send_bare(world, fleet)

    async def _ours(self, fleet: Fleet, *, last: bool) -> Ours:
        profiled: dict[str, str] = {}
        if last and self.profile:
            profiled = {"PYTHONPATH": str(PROFILING), "SHIPSLOG_BENCHMARK_PROFILE": str(self.profile.resolve())}
        async with (
            self.ground.world(fleet.names) as world,
            standing(self.ground, world, fleet, profiled) as ground,
        ):
            result = await roll_out(ground)
            if last:
                given = self.settings
                asked = await commit_often(ground, given.commits, ask=True)
                await ground.poll_every(f"{given.poll_seconds}s")
                polled = await commit_often(ground, given.commits, ask=False, poll_seconds=given.poll_seconds)
                await ground.poll_every(INTERVAL)
                self.day = Day(asked, polled, await stand_still(ground, given.steady_seconds))
        return result


def main() -> int:
    """Parse, measure, show."""
    given = _arguments()
    settings = Settings(
        applications=given.applications,
        repetitions=given.repetitions,
        commits=given.commits,
        steady_seconds=given.steady,
        poll_seconds=given.poll,
    )
    if given.profile:
        given.profile.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="shipslog-bench-") as directory:
        progress.say("starting the servers")
        with harbour(Path(directory)) as ground:
            results = Benchmark(ground, settings, progress, given.profile).run(load)
    if given.markdown:
        markdown.write(results)
    if given.output == "json":
        print(orjson.dumps(msgspec.to_builtins(results), option=orjson.OPT_INDENT_2).decode())
    else:
        table.show(results)
    return 0


def _arguments() -> argparse.Namespace:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--applications", type=_count, default=default.applications, metavar="N")
    parser.add_argument("--repetitions", type=_count, default=default.repetitions, metavar="N")
    parser.add_argument("--commits", type=_count, default=default.commits, metavar="N", help="of each kind")
    parser.add_argument("--steady", type=float, default=default.steady_seconds, metavar="SECONDS")
    parser.add_argument("--poll", type=_count, default=default.poll_seconds, metavar="SECONDS")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    parser.add_argument("--markdown", action="store_true", help="write the tables into docs/benchmarks.md, too")
    parser.add_argument(
        "--profile", type=Path, metavar="PATH", help="profile the last controller into PATH.html and PATH.json"
    )
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
