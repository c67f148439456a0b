"""The ratios that are committed, and whether those of a run are better or worse. PURE but for reading and writing.

Only what has no dimension is compared: seconds of another machine say nothing.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from tests.benchmarks.question import Row, Section
from tests.benchmarks.record import ratios_of, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.record import Run

PAGE = Path(__file__).resolve().parent / "baseline.json"
TOO_MUCH = 2.0
"""Times the baseline, above which a run has failed."""
NOISE = 0.1
"""Share of the baseline within which a ratio counts as the same."""
Word = Literal["better", "same", "worse", "too much", "new", "not measured"]


class Baseline(msgspec.Struct, frozen=True):
    """Ratios by question and name, at so many Applications."""

    applications: int
    ratios: dict[str, dict[str, float]]


class Verdict(NamedTuple):
    """One ratio beside its baseline; None where there is none."""

    question: str
    name: str
    now: float | None
    before: float | None

    @property
    def word(self) -> Word:
        """What is to be said of it: lower is better."""
        if self.now is None:
            return "not measured"
        if self.before is None:
            return "new"
        if self.now > TOO_MUCH * self.before:
            return "too much"
        if abs(self.now - self.before) <= NOISE * self.before:
            return "same"
        return "worse" if self.now > self.before else "better"


def compare(run: Run, baseline: Baseline) -> list[Verdict]:
    """Every ratio of the questions that were answered, and those of the baseline that have gone.

    Raises ValueError where the baseline is of another size: ratios grow with it.
    """
    if run.asked.applications != baseline.applications:
        raise ValueError(
            f"the baseline is of {baseline.applications} Applications, the run of {run.asked.applications}: "
            f"compare with a run of --applications {baseline.applications}"
        )
    verdicts = []
    for question, answer in run.answers.items():
        before = baseline.ratios.get(question, {})
        names = list(dict.fromkeys((*answer.ratios, *before)))
        verdicts += [Verdict(question, name, answer.ratios.get(name), before.get(name)) for name in names]
    return verdicts


def failed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that are worse than twice the baseline, or vanished from a question that was answered."""
    return [verdict for verdict in verdicts if verdict.word in {"too much", "not measured"}]


def section(verdicts: Sequence[Verdict]) -> Section:
    """As a table."""
    rows: list[Row] = [
        (f"{one.question}: {one.name}", _number(one.now), _number(one.before), one.word) for one in verdicts
    ]
    return Section("Ratios beside the baseline: lower is better", ("ratio", "now", "baseline", ""), rows)


def of_runs(runs: Sequence[Run]) -> Baseline:
    """The median of each ratio over runs of the same size. Raises ValueError where sizes differ."""
    sizes = {run.asked.applications for run in runs}
    if len(sizes) != 1:
        raise ValueError(f"runs of different sizes have no common baseline: {sorted(sizes)}")
    ratios: dict[str, dict[str, float]] = {}
    for (question, name), values in ratios_of(runs).items():
        ratios.setdefault(question, {})[name] = round(statistics.median(values), 3)
    return Baseline(sizes.pop(), ratios)


def read(path: Path = PAGE) -> Baseline:
    """The committed one. Raises FileNotFoundError, msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Baseline)


def write(baseline: Baseline, path: Path = PAGE) -> None:
    """Commit to this."""
    path.write_bytes(to_json(baseline))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
