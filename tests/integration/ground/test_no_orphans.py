"""However a run ends, its servers end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import ControlPlane
from tests.ground.identity import ProcessIdentity, end
from tests.ground.postgres import PostgresServer
from tests.ground.processes import Component, ProcessGroup
from tests.integration.ground.conftest import BINARIES, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
START = """
import pathlib, sys, time
from tests.controlplane import ControlPlane
from tests.ground.processes import Component, ProcessGroup
from tests.ground.postgres import PostgresServer
root = pathlib.Path(sys.argv[1])
pids = list(PostgresServer.start(root / "postgres").pids.values())
if sys.argv[2]:
    pids += ControlPlane.start("one", root, binaries=pathlib.Path(sys.argv[2])).pids.values()
print(*pids, flush=True)
time.sleep(600)
"""


class Run:
    """A process that started servers, as a test session does."""

    def __init__(self, root: Path, *, plane: bool) -> None:
        self.root = root
        environment = {name: value for name, value in os.environ.items() if name != "SHIPSLOG_TEST_DSN"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(root), str(BINARIES) if plane else ""],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        found = [ProcessIdentity.of(int(pid)) for pid in self.process.stdout.readline().split()]
        self.servers = [identity for identity in found if identity is not None]
        assert len(self.servers) == len(found) == (8 if plane else 2)  # postgres, five components, a guard of each

    def guards(self) -> list[ProcessIdentity]:
        return [server for server in self.servers if b"tests.ground.guard" in _command_line(server.pid)]

    def survivors(self) -> list[int]:
        return [server.pid for server in self.servers if server.alive()]


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """A run whose servers are ended afterwards, should the test have failed."""
    started = Run(tmp_path, plane=getattr(request, "param", True))
    yield started
    started.process.kill()
    started.process.wait()
    assert started.process.stdout is not None
    started.process.stdout.close()
    end(started.servers, seconds=3)


@pytest.mark.parametrize(
    ("run", "number"),
    [(True, signal.SIGKILL), (False, signal.SIGKILL), (False, signal.SIGTERM), (False, signal.SIGINT)],
    indirect=["run"],
)
def test_servers_end_with_the_run_that_started_them(run: Run, number: signal.Signals) -> None:
    """Killed, told to stop or interrupted: nothing is left."""
    run.process.send_signal(number)
    run.process.wait()
    eventually("every server to end", lambda: not run.survivors(), 15)


def test_servers_end_with_their_guard(run: Run) -> None:
    """The guards themselves killed: the kernel ends what they guarded."""
    guards = run.guards()
    assert len(guards) == 2
    for guard in guards:
        os.kill(guard.pid, signal.SIGKILL)
    eventually("every server to end", lambda: not run.survivors(), 15)


def test_the_next_start_cleans_up_after_a_killed_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the same root, at once."""
    monkeypatch.delenv("SHIPSLOG_TEST_DSN", raising=False)
    run.process.kill()
    run.process.wait()
    plane = ControlPlane.start("one", run.root, binaries=BINARIES)
    server = PostgresServer.start(run.root / "postgres")
    try:
        assert not run.survivors()
        assert plane.admin.get("/readyz") == "ok"
        assert server.execute("SELECT 1") == "1"
    finally:
        server.stop()
        plane.stop()


# A server that shakes off the kernel's signal, as one that changes its user does.
STUBBORN = "import ctypes, time; ctypes.CDLL(None).prctl(1, 0); print('free', flush=True); time.sleep(600)"


def test_what_outlived_its_guard_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """Two servers never work on the same data."""
    component = Component("stubborn", (sys.executable, "-c", STUBBORN), tmp_path / "stubborn.log")
    group = ProcessGroup.launch(tmp_path, [component])
    group.await_running(10)
    server = ProcessIdentity.of(group.pids["stubborn"])
    assert server is not None
    eventually("the signal to be shaken off", lambda: "free" in component.log.read_text(encoding="utf-8"))
    os.kill(group.pids["guard"], signal.SIGKILL)
    assert server.alive()
    ProcessGroup.launch(tmp_path, [component]).stop()
    assert not server.alive()
    group.stop()
