"""Ratios beside those that are committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import baseline
from tests.benchmarks.baseline import Baseline, Verdict
from tests.unit.benchmarks.runs import answer, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (1.0, 1.0, "same"),
        (1.09, 1.0, "same"),
        (0.91, 1.0, "same"),
        (1.11, 1.0, "worse"),
        (2.0, 1.0, "worse"),
        (2.01, 1.0, "too much"),
        (0.89, 1.0, "better"),
        (0.0, 0.0, "same"),
        (1.0, 0.0, "too much"),
        (1.0, None, "new"),
        (None, 1.0, "not measured"),
    ],
)
def test_a_ratio_is_better_the_same_worse_or_too_much(now: float | None, before: float | None, word: str) -> None:
    """Too much is more than twice the baseline: of nothing, anything at all."""
    assert Verdict("load", "to bare", now, before).word == word


def test_every_ratio_is_compared_also_one_that_has_gone_or_come() -> None:
    """Those of questions that were not asked are not missed."""
    before = Baseline(100, {"load": {"seconds": 2.0, "gone": 1.0}, "not asked": {"seconds": 1.0}})

    verdicts = baseline.compare(run(answer(seconds=1.0, come=3.0)), before)

    assert {one.name: one.word for one in verdicts} == {"seconds": "better", "come": "new", "gone": "not measured"}
    assert [one.name for one in baseline.failed(verdicts)] == ["gone"]


def test_only_more_than_twice_the_baseline_fails() -> None:
    """Worse is said, and passes."""
    before = Baseline(100, {"load": {"worse": 1.0, "much": 1.0, "better": 1.0}})

    verdicts = baseline.compare(run(answer(worse=1.9, much=2.1, better=0.5)), before)

    assert [one.name for one in baseline.failed(verdicts)] == ["much"]
    shown = baseline.section(verdicts).rows
    assert ("load: much", "2.100", "1.000", "too much") in shown
    assert ("load: worse", "1.900", "1.000", "worse") in shown


def test_a_baseline_is_the_median_of_runs_and_comes_back_from_its_file(tmp_path: Path) -> None:
    """Three runs in a row make one baseline."""
    path = tmp_path / "baseline.json"

    baseline.write(baseline.of_runs([run(answer(seconds=value)) for value in (1.0, 5.0, 2.0)]), path)

    assert baseline.read(path) == Baseline(100, {"load": {"seconds": 2.0}})


def test_runs_of_different_sizes_make_no_baseline() -> None:
    """Ratios grow with the size."""
    with pytest.raises(ValueError, match=r"\[100, 300\]"):
        baseline.of_runs([run(answer(seconds=1.0)), run(answer(seconds=1.0), applications=300)])


def test_a_run_of_another_size_is_not_compared() -> None:
    """It would be better or worse for its size alone."""
    with pytest.raises(ValueError, match=r"of 100 Applications, the run of 20: compare with .* --applications 100"):
        baseline.compare(run(answer(seconds=1.0), applications=20), Baseline(100, {}))


def test_the_committed_baseline_can_be_read_and_holds_ratios_only() -> None:
    """It is what `make bench-quick` compares with."""
    committed = baseline.read()

    assert committed.applications == 100
    assert committed.ratios["load"]["seconds to bare"] > 0
    words = {word for ratios in committed.ratios.values() for name in ratios for word in name.split()}
    assert not words & {"ms", "s", "MiB", "bytes"}
