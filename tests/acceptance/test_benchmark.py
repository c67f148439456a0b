"""The benchmark itself: small, but whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.benchmarks import markdown
from tests.benchmarks.results import Results

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = 5
OBJECTS = 4 * APPLICATIONS


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What a small benchmark prints as JSON."""
    arguments = [f"--applications={APPLICATIONS}", "--repetitions=1", "--commits=2", "--steady=1", "--poll=1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments, "--output=json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "round 1 of 1" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(300)
def test_a_rollout_is_measured_beside_the_same_requests_sent_bare(measured: dict[str, Any]) -> None:
    """Both write every object once; ours took time, CPU and memory, and the ratios are those of the figures."""
    assert measured["settings"]["applications"] == APPLICATIONS
    (round_,) = measured["rounds"]
    ours, bare = round_["ours"], round_["bare"]
    assert round_["order"] == "ours first"
    assert bare["requests"] == {"apply": OBJECTS, "dry-run": OBJECTS}
    assert ours["requests"]["apply"] == ours["requests"]["dry-run"] == OBJECTS
    assert ours["refused"] == {}
    assert ours["renders"] == APPLICATIONS
    assert ours["looks"] >= APPLICATIONS
    assert ours["events"] > OBJECTS
    assert 0 < bare["seconds"] <= bare["observedSeconds"]
    assert (
        0
        < ours["ready"]["least"]
        <= ours["ready"]["median"]
        <= ours["ready"]["most"]
        == pytest.approx(ours["seconds"], abs=1e-3)
    )
    assert ours["cpu"]["itself"] > 0 < ours["apiServerCpuSeconds"]
    assert 2**20 < ours["memoryBefore"]["itself"] < ours["peakMemory"]["itself"] + ours["peakMemory"]["programs"]
    ratio = ours["seconds"] / bare["seconds"]
    assert round_["ratios"]["seconds"] == pytest.approx(ratio, abs=0.01)
    assert measured["ratios"]["seconds"]["median"] == pytest.approx(ratio, abs=0.01)


@pytest.mark.timeout(300)
def test_one_commit_is_one_rendering_and_goes_live(measured: dict[str, Any]) -> None:
    """Asked at once or found by polling, one Application is rendered and written, and no other."""
    for way in ("asked", "polled"):
        commits = measured[way]
        assert commits["renders"] == 1
        assert commits["requests"]["apply"] == 1
        assert len(commits["liveSeconds"]) == 2
        assert 0 < commits["live"]["least"] <= commits["live"]["median"] <= commits["live"]["most"]
        assert commits["live"]["median"] <= commits["told"]["median"]
    assert measured["asked"]["live"]["median"] < 5


@pytest.mark.timeout(300)
def test_standing_still_costs_next_to_nothing_and_the_machine_is_told(measured: dict[str, Any]) -> None:
    """No look and no write while nothing happens; nothing in the description names this machine."""
    steady, machine = measured["steady"], measured["machine"]
    assert steady["looks"] == 0
    assert set(steady["requests"]) <= {"version", "watch"}
    assert machine["cores"] >= 1
    assert machine["memoryBytes"] > 2**28
    assert machine["kubernetes"].startswith("v1.")
    assert str(ROOT) not in json.dumps(measured)


@pytest.mark.timeout(300)
def test_the_tables_are_written_between_the_markers_of_the_page(measured: dict[str, Any], tmp_path: Path) -> None:
    """What stands around them stays; what stood between them goes; a page without markers is refused."""
    results = msgspec.convert(measured, Results)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n", encoding="utf-8")

    markdown.write(results, page)

    before, _, rest = page.read_text(encoding="utf-8").partition(markdown.BEGIN)
    tables, _, after = rest.partition(markdown.END)
    assert (before, after) == ("before\n", "\nafter\n")
    assert "old" not in tables
    assert f"| renderings | {APPLICATIONS} |  |  |" in tables
    assert measured["machine"]["kubernetes"] in tables
    page.write_text("no markers\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md has no"):
        markdown.write(results, page)
