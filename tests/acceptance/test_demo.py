"""`make demo`: the whole story, an honest exit code, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    "The ground comes up",
    "The chart is installed",
    "Nobody edits the log",
    "The controller starts",
    "A commit becomes live objects",
    "Somebody changes the cluster by hand",
    "Somebody deletes an object",
    "A bad release, and the way back",
    "The metrics of it all",
    "The log of it all, from PostgreSQL",
)


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.demo", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def _left_behind() -> list[str]:
    place = str(ROOT / ".run" / "demo")
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if place in line]


@pytest.mark.timeout(200)
def test_the_story_is_told_to_its_end_and_leaves_no_process() -> None:
    """Every step, the drift by its manager in the log from PostgreSQL, plain text in a pipe."""
    done = _demo()

    assert done.returncode == 0, done.stderr
    told = [step for step in STEPS if step in done.stdout]
    assert tuple(told) == STEPS
    assert "was changed at /spec/replicas by kubectl-edit" in done.stdout
    assert "drift.healed" in done.stdout
    assert "permission denied" in done.stdout
    assert "\x1b" not in done.stdout
    assert _left_behind() == []


@pytest.mark.timeout(200)
def test_a_step_that_misses_its_promise_ends_the_story_with_one_line() -> None:
    """Nobody can record an edit in no time at all: exit code 1, the step and its times named, nothing left behind."""
    done = _demo("--bound", "hand edit to recorded=0")

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "somebody changes the cluster by hand" in line
    assert "promised are 0 s" in line
    assert _left_behind() == []


@pytest.mark.timeout(200)
def test_a_kept_demo_stays_until_it_is_taken_down() -> None:
    """It prints where everything is, answers afterwards, and `--down` ends all of it."""
    done = _demo("--keep")
    try:
        assert done.returncode == 0, done.stderr
        assert _left_behind() != []
        for name in ("KUBECONFIG", "SHIPSLOG_CLI_DATABASE_URL", "Prometheus", "--down"):
            assert name in done.stdout
        kubeconfig = ROOT / ".run" / "demo" / "demo" / "kubeconfig"
        listed = subprocess.run(
            [sys.executable, "-m", "controller", "get", "applications", "-A", "--output", "json"],
            env={"PATH": os.environ["PATH"], "HOME": "/", "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert '"shop"' in listed.stdout
    finally:
        assert _demo("--down").returncode == 0
    assert _left_behind() == []
