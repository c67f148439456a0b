"""The benchmark itself: small, but whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmarks import record

if TYPE_CHECKING:
    from tests.benchmarks.question import Answer
    from tests.benchmarks.record import Run

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = 6
OBJECTS = 4 * APPLICATIONS
QUESTIONS = ("load", "commit", "steady", "restart", "shared_base")
SIZES = (f"--applications={APPLICATIONS}", "--repetitions=1", "--commits=2", "--steady=2", "--poll=1", "--quick")


def bench(directory: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run it, with files in a directory."""
    command = [sys.executable, "-m", "tests.benchmarks", f"--json-dir={directory}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == code, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a small benchmark keeps what it finds."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def measured(directory: Path) -> Run:
    """A small benchmark; a baseline is written of it, so the committed one has no part."""
    baseline = directory / "baseline.json"
    asked = f"--questions={','.join(QUESTIONS)}"
    done = bench(directory, *SIZES, asked, "--output=json", f"--baseline={baseline}", "--write-baseline")
    found = record.read(directory)
    assert json.loads(done.stdout) == json.loads((directory / record.RUN).read_text(encoding="utf-8"))
    assert "round 1 of 1" in done.stderr
    return found


def data(answer: Answer, name: str) -> Any:
    """A raw figure."""
    return answer.data[name]


@pytest.mark.timeout(300)
def test_every_question_is_answered_with_a_table_ratios_aims_and_a_plot(measured: Run, directory: Path) -> None:
    """Also in a file of its own, with a picture beside it."""
    assert measured.failures == {}
    assert tuple(measured.answers) == QUESTIONS
    for name, answer in measured.answers.items():
        assert answer.sections
        assert answer.ratios
        assert answer.aims
        assert (directory / f"{name}.json").exists()
        for plot in answer.plots:
            assert (directory / f"{plot.name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(300)
def test_a_rollout_is_measured_beside_the_same_requests_sent_bare(measured: Run) -> None:
    """Both write every object once; ours took time, CPU and memory, and the ratios are those of the figures."""
    load = measured.answers["load"]
    (round_,) = data(load, "rounds")
    ours, bare = round_["ours"], round_["bare"]
    assert bare["requests"] == {"apply": OBJECTS, "dry-run": OBJECTS}
    assert ours["requests"]["apply"] == ours["requests"]["dry-run"] == OBJECTS
    assert ours["refused"] == {}
    assert ours["renders"] == APPLICATIONS
    assert ours["looks"] >= APPLICATIONS
    assert ours["events"] > OBJECTS
    assert 0 < bare["seconds"] <= bare["observedSeconds"]
    assert len(ours["ready"]) == APPLICATIONS
    assert 0 < ours["ready"][0] <= ours["ready"][-1] == pytest.approx(ours["seconds"], abs=1e-3)
    assert ours["cpu"]["itself"] > 0 < ours["apiServerCpuSeconds"]
    assert 0 < ours["processes"]["eventLoop"] <= ours["cpu"]["itself"]
    assert ours["stages"]["apply"] > 0
    assert 0 < ours["lag"]["p50"] <= ours["lag"]["p99"] <= ours["lag"]["most"]
    assert 2**20 < ours["memoryBefore"]["itself"] < ours["peakMemory"]["itself"] + ours["peakMemory"]["programs"]
    assert load.ratios["seconds to bare"] == pytest.approx(ours["seconds"] / bare["seconds"], abs=0.01)


@pytest.mark.timeout(300)
def test_one_commit_is_one_rendering_and_goes_live(measured: Run) -> None:
    """Asked at once or found by polling, one Application is rendered and written, and no other."""
    commit = measured.answers["commit"]
    for way in ("asked", "polled"):
        commits = data(commit, way)
        assert commits["renders"] == 1
        assert commits["requests"]["apply"] == 1
        assert len(commits["live"]) == len(commits["told"]) == len(commits["cpu"]) == 2
        assert all(0 < live <= told for live, told in zip(commits["live"], commits["told"], strict=True))
    assert min(data(commit, "asked")["live"]) < 5
    assert all(0 < seconds < 5 for seconds in data(commit, "bareSeconds"))


@pytest.mark.timeout(300)
def test_standing_still_costs_next_to_nothing(measured: Run) -> None:
    """No look and no write while nothing happens, and a scrape takes a moment."""
    steady, scrapes = data(measured.answers["steady"], "steady"), data(measured.answers["steady"], "scrapes")
    assert steady["looks"] == steady["renders"] == 0
    assert set(steady["requests"]) <= {"version", "watch"}
    assert len(steady["cpuBySecond"]) == 2
    assert all(0 < seconds < 5 for seconds in scrapes["seconds"])


@pytest.mark.timeout(300)
def test_a_restart_comes_back_and_applies_nothing(measured: Run) -> None:
    """It looks at every Application again."""
    restart = data(measured.answers["restart"], "restart")
    assert 0 < restart["ready"] <= restart["watching"]
    assert restart["looks"] >= APPLICATIONS
    assert restart["requests"].get("apply", 0) == 0
    assert restart["after"]["itself"] > 2**20


@pytest.mark.timeout(300)
def test_a_commit_in_a_base_renders_those_that_share_it(measured: Run) -> None:
    """A quarter of so few Applications: one."""
    answer = measured.answers["shared_base"]
    assert data(answer, "sharing") == 1
    assert data(answer, "change")["renders"] == 1
    assert data(answer, "change")["requests"]["apply"] == 1


@pytest.mark.timeout(300)
def test_the_machine_is_told_and_nothing_names_it(measured: Run, directory: Path) -> None:
    """Versions, cores, memory; no path and no name."""
    assert measured.machine.cores >= 1
    assert measured.machine.memory_bytes > 2**28
    assert measured.machine.kubernetes.startswith("v1.")
    text = (directory / record.RUN).read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(directory) not in text


@pytest.mark.timeout(300)
def test_a_kept_run_is_compared_with_a_baseline_and_fails_when_it_is_twice_as_bad(
    measured: Run, directory: Path, tmp_path: Path
) -> None:
    """With its own baseline it passes; with one of half its ratios it does not, and says which."""
    own = directory / "baseline.json"
    same = bench(tmp_path, f"--from={directory}", f"--baseline={own}")
    assert "Ratios beside the baseline" in same.stdout
    assert "too much" not in same.stdout
    baseline = json.loads(own.read_text(encoding="utf-8"))
    assert baseline["ratios"]["load"] == measured.answers["load"].ratios
    baseline["ratios"]["load"]["seconds to bare"] *= 0.4
    half = tmp_path / "half.json"
    half.write_text(json.dumps(baseline), encoding="utf-8")

    failed = bench(tmp_path, f"--from={directory}", f"--baseline={half}", code=1)

    assert "load: seconds to bare: too much" in failed.stderr
