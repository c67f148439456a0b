"""`python -m tests.benchmarks`: measure against the API server's own limit."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import baseline, markdown, record, scaling, table
from tests.benchmarks.drawing import draw
from tests.benchmarks.harbour import Harbour, harbour
from tests.benchmarks.machine import machine
from tests.benchmarks.progress import Progress
from tests.benchmarks.question import Asked
from tests.benchmarks.questions import QUESTIONS, QUICK
from tests.benchmarks.record import Record, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PROFILING = Path(__file__).resolve().parent / "profiling"
QUICK_ASKED = Asked(applications=100, repetitions=1, commits=5, steady_seconds=10.0, quick=True)


def main() -> int:
    """Measure, or take runs that were measured; then show, write, compare."""
    given = _arguments()
    runs = [record.read(path) for path in given.runs] if given.runs else [_measure(given)]
    if given.quick and not given.runs and (bad := baseline.failed(_compared(given, runs[-1]))):
        _complain(bad)
        print("measured once more: what is worse by itself is worse again, what was in its way is not", file=sys.stderr)
        runs = [_measure(given)]
    return _report(given, runs)


def _measure(given: argparse.Namespace) -> Run:
    progress, load = Progress(), os.getloadavg()[0]
    with ExitStack() as servers:
        directory = servers.enter_context(tempfile.TemporaryDirectory(prefix="shipslog-bench-"))
        with progress.step("starting the servers"):
            ground = servers.enter_context(harbour(Path(directory)))
        if given.profile:
            ground.settings = _profiled(given.profile)
        run = Run(machine=machine(ground, load), asked=_asked(given))
        ask(run, given.questions, ground, Record(given.json_dir), progress)
    progress.say(f"figures as JSON: {given.json_dir}")
    return run


def ask(run: Run, names: list[str], ground: Harbour, keep: Record, progress: Progress) -> None:
    """Ask all of them; one that goes wrong is noted, and the others are asked all the same."""
    for name in names:
        question = QUESTIONS[name](run.asked)
        try:
            with progress.step(f"{name}: {question.title}"):
                run.answers[name] = answer = question.measure(ground, progress)
            keep.answer(answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and the exit code tells
            run.failures[name] = f"{type(error).__name__}: {error}"
            progress.say(f"{name} failed: {traceback.format_exc()}")
        keep.run(run)


def _report(given: argparse.Namespace, runs: list[Run]) -> int:
    verdicts = _compared(given, runs[-1])
    if given.output == "json":
        sys.stdout.buffer.write(record.to_json(runs[-1]))
    else:
        table.show(runs[-1], [baseline.section(verdicts)] if verdicts else [])
    if given.markdown:
        markdown.write(runs)
        scaling.write(runs[-1].answers)
    directory = markdown.PAGE.parent / markdown.PLOTS if given.markdown else given.json_dir
    for plot in markdown.plots_of(runs):
        draw(plot, directory)
    if given.write_baseline:
        baseline.write(baseline.of_runs(runs), given.baseline or baseline.PAGE)
    bad = baseline.failed(verdicts)
    _complain(bad)
    return 1 if bad or runs[-1].failures else 0


def _complain(bad: Sequence[baseline.Verdict]) -> None:
    for one in bad:
        print(f"{one.question}: {one.name}: {one.word}: {one.now} beside {one.before}", file=sys.stderr)
    if bad:
        print("ratios of seconds mean little while other programs use the same cores: see the tables", file=sys.stderr)


def _compared(given: argparse.Namespace, run: Run) -> list[baseline.Verdict]:
    """Beside the baseline that was named; the committed one is left alone by a run of another size."""
    if given.write_baseline or not given.baseline:
        return []
    committed = baseline.read(given.baseline)
    if given.baseline == baseline.PAGE and committed.applications != run.asked.applications:
        print(f"not compared: the baseline is of {committed.applications} Applications", file=sys.stderr)
        return []
    return baseline.compare(run, committed)


def _profiled(path: Path) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return {"PYTHONPATH": str(PROFILING), "SHIPSLOG_BENCHMARK_PROFILE": str(path.resolve())}


def _asked(given: argparse.Namespace) -> Asked:
    usual = QUICK_ASKED if given.quick else Asked()
    return Asked(
        applications=given.applications or usual.applications,
        repetitions=given.repetitions or usual.repetitions,
        commits=given.commits or usual.commits,
        steady_seconds=given.steady or usual.steady_seconds,
        poll_seconds=given.poll or usual.poll_seconds,
        quick=given.quick,
    )


def _arguments() -> argparse.Namespace:
    usual = Asked()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    add = parser.add_argument
    add("--questions", type=_questions, metavar="NAME,...", help=f"of {', '.join(QUESTIONS)} (default: all)")
    add("--applications", type=_count, metavar="N", help=f"default: {usual.applications}")
    add("--repetitions", type=_count, metavar="N", help=f"rounds of the load (default: {usual.repetitions})")
    add("--commits", type=_count, metavar="N", help=f"of each kind (default: {usual.commits})")
    add("--steady", type=float, metavar="SECONDS", help=f"default: {usual.steady_seconds:g}")
    add("--poll", type=_count, metavar="SECONDS", help=f"between two polls (default: {usual.poll_seconds})")
    add("--quick", action="store_true", help=f"{', '.join(QUICK)} at 100 Applications, beside the baseline")
    add("--output", choices=["table", "json"], default="table")
    add("--json-dir", type=Path, metavar="DIRECTORY", help="for answers and plots (default: below .run/benchmarks)")
    add("--markdown", action="store_true", help="write tables and plots into docs/benchmarks.md, too")
    add("--baseline", type=Path, metavar="PATH", help="compare with it; over twice as much fails")
    add("--write-baseline", action="store_true", help="the ratios of this run are the baseline from now on")
    add("--from", dest="runs", type=Path, nargs="+", metavar="DIRECTORY", help="measure nothing: take these runs")
    add("--profile", type=Path, metavar="PATH", help="profile the controllers; the last is in PATH.html and PATH.json")
    given = parser.parse_args()
    given.questions = given.questions or list(QUICK if given.quick else QUESTIONS)
    given.json_dir = given.json_dir or ROOT / ".run" / "benchmarks" / time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    if given.quick:
        given.baseline = given.baseline or baseline.PAGE
    return given


def _questions(text: str) -> list[str]:
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in QUESTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no question {', '.join(unknown)}: there are {', '.join(QUESTIONS)}")
    return [name for name in QUESTIONS if name in wanted]


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
