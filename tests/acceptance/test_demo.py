"""`make demo`: the whole story, an honest exit code, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    "The ground comes up",
    "The chart is installed",
    "Nobody edits the log",
    "The controller starts",
    "A commit becomes live objects",
    "The next commit, asked for at once",
    "Somebody changes the cluster by hand",
    "Somebody deletes an object",
    "A bad release, and the way back",
    "The metrics of it all",
    "The log of it all, from PostgreSQL",
)
# The machine may do other things beside the tests; the demo alone promises a second.
PATIENT = ("--bound", "hand edit to recorded=10", "--bound", "deletion to recorded=10")
pytestmark = [pytest.mark.timeout(200), pytest.mark.alone]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory for a demo, in which nothing runs at the end."""
    yield tmp_path / "demo"
    _demo(tmp_path / "demo", "--down")
    assert _left_behind(tmp_path) == []


def _command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.demo", "--root", str(root), *PATIENT, *arguments]


def _demo(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(root, *arguments),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def _left_behind(root: Path) -> list[str]:
    """Processes that know of this directory, by their command or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            known = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(str(root) in word for word in known):
            found.append(" ".join(process.cmdline()) or process.name())
    return found


def test_the_story_is_told_to_its_end_and_leaves_no_process(root: Path) -> None:
    """Every step, the drift by its manager in the log from PostgreSQL, plain text in a pipe."""
    done = _demo(root)

    assert done.returncode == 0, done.stderr
    assert tuple(step for step in STEPS if step in done.stdout) == STEPS
    assert "was changed at /spec/replicas by kubectl-edit" in done.stdout
    assert "drift.healed" in done.stdout
    told = done.stdout.partition("The log of it all")[2]
    assert re.search(r"health\.changed +failure +.*Degraded: Deployment\.apps shop/web", told)
    assert re.search(r"sync\.completed +unknown +.*superseded by revision [0-9a-f]{8} before it was healthy", told)
    assert "permission denied" in done.stdout
    assert "Succeeded" in done.stdout
    assert "\x1b" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line != line.rstrip()]
    assert done.stderr == ""
    assert _left_behind(root) == []


def test_a_step_that_misses_its_promise_ends_the_story_with_one_line(root: Path) -> None:
    """Nobody can record an edit in no time at all: exit code 1, the step and its times named, nothing left behind."""
    done = _demo(root, "--bound", "hand edit to recorded=0")

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "somebody changes the cluster by hand" in line
    assert "promised are 0 s" in line
    assert _left_behind(root) == []


def test_a_kept_demo_stays_until_the_next_one_takes_its_place(root: Path) -> None:
    """It prints where everything is and answers afterwards; the next one stops it first, and says so."""
    picture = root.parent / "demo.svg"
    kept = _demo(root, "--keep", "--picture", str(picture))
    assert kept.returncode == 0, kept.stderr
    drawn = picture.read_text(encoding="utf-8")
    assert "drift.healed" in drawn
    assert str(ROOT) not in drawn
    assert "https://" not in drawn
    assert _left_behind(root) != []
    for name in ("KUBECONFIG", "SHIPSLOG_CLI_DATABASE_URL", "Git", "Prometheus", "--down"):
        assert name in kept.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "controller", "get", "applications", "-A", "--output", "json"],
        env={"PATH": os.environ["PATH"], "HOME": "/", "KUBECONFIG": str(root / "cluster" / "kubeconfig")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"shop"' in listed.stdout

    second = _demo(root, "--bound", "created to live=0")
    assert "an earlier demo that was kept is stopped" in second.stdout
    assert second.returncode == 1
    assert "created to live" in second.stderr
    assert _left_behind(root) == []
    assert _demo(root, "--down").stdout == "demo: none was running\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("said", ["The ground comes up", "A commit becomes live objects"])
def test_an_interrupted_demo_stops_all_that_it_started(root: Path, said: str, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM while servers start or later: one line, exit code 130, no process left."""
    with subprocess.Popen(
        _command(root, "--keep"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while said not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        eventually(lambda: len(_left_behind(root)) > 2, "servers are under way")
        process.send_signal(number)
        process.stdout.read()
        (line,) = process.stderr.read().strip().splitlines()

    assert process.returncode == 130
    assert "interrupted" in line
    assert _left_behind(root) == []


def test_two_demos_at_once_do_not_meet(root: Path) -> None:
    """The second one in a directory says that there is one, and leaves it alone."""
    with subprocess.Popen(
        _command(root),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "first voyage" in process.stdout.readline()
        second = _demo(root)
        assert second.returncode == 1
        assert "already" in second.stderr
        assert process.poll() is None
        process.terminate()
        process.stdout.read()
    assert _left_behind(root) == []


def test_a_bound_of_nothing_that_is_measured_is_refused(root: Path) -> None:
    """The names that there are stand in the message."""
    done = _demo(root, "--bound", "tea=3")
    assert done.returncode == 2
    assert "push to live" in done.stderr
