"""A group of server processes, seen from the test session or the demo that started it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.ground.identity import ProcessIdentity, end

_CHECKOUT = Path(__file__).resolve().parents[2]
_LEAVE_SECONDS = 20.0
_TAIL_LINES = 15


class ProcessFailed(RuntimeError):
    """A server did not start or died; the message holds the end of its log."""


class AlreadyRunning(RuntimeError):
    """The directory belongs to a group that runs."""


@dataclass(frozen=True)
class Component:
    """One server process of a group."""

    name: str
    argv: tuple[str, ...]
    log: Path
    listen: tuple[str, int] | None = None
    """Address at which it must accept connections before the next component starts."""
    environment: dict[str, str] | None = None
    """The whole environment; None: inherited."""
    directory: str | None = None
    stop_signal: int = signal.SIGTERM


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return f"    (no log at {log})"
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line[:400]}" for line in last) or "    (the log is empty)"


class ProcessGroup:
    """The components under one guard (`tests.ground.guard`)."""

    def __init__(self, directory: Path, guard: subprocess.Popen[bytes] | None = None) -> None:
        self.directory = directory
        self._guard = guard

    @classmethod
    def launch(cls, directory: Path, components: list[Component], *, detached: bool = False) -> ProcessGroup:
        """Start components in order and return at once.

        A group that is not detached ends with this process, however this process ends.

        Raises:
            AlreadyRunning: another group runs in this directory.
        """
        cls.reap(directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "state.json").unlink(missing_ok=True)
        spec = {"detached": detached, "components": [asdict(c) | {"log": str(c.log)} for c in components]}
        # An environment may hold a password.
        (directory / "spec.json").touch(mode=0o600)
        (directory / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        argv = [sys.executable, "-m", "tests.ground.guard", str(directory)]
        with (directory / "guard.log").open("ab") as log:
            guard = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=_CHECKOUT,
                start_new_session=True,  # Ctrl-C is for the owner, who then stops the group in order
            )
        if detached:
            guard.wait(_LEAVE_SECONDS)
            return cls(directory)
        return cls(directory, guard)

    @classmethod
    def attach(cls, directory: Path) -> ProcessGroup | None:
        """The group that runs in this directory, if one does."""
        group = cls(directory)
        guard = group._guard_identity()
        return group if guard is not None and guard.alive() else None

    @classmethod
    def reap(cls, directory: Path) -> None:
        """End what a killed run left in this directory.

        Raises:
            AlreadyRunning: a guard is alive there and does not leave by itself within seconds.
        """
        group = cls(directory)
        guard = group._guard_identity()
        if guard is not None and guard.alive():
            # The guard of a run that has just been killed is on its way out.
            leaving = group.phase() == "stopping"
            if not guard.wait_gone(_LEAVE_SECONDS if leaving else 1.0):
                raise AlreadyRunning(f"{directory}: process {guard.pid} runs servers there: stop it first")
        left = [identity for identity in group._identities().values() if identity.alive()]
        end(left, seconds=3)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by component, the guard's among them."""
        identities = self._identities()
        guard = self._guard_identity()
        return {name: i.pid for name, i in identities.items()} | ({"guard": guard.pid} if guard else {})

    def phase(self) -> str:
        """One of starting, running, stopping, failed, stopped, unknown."""
        return str(self._state().get("phase", "unknown"))

    def check(self) -> None:
        """Raise `ProcessFailed` when a component died or the guard is gone."""
        state = self._state()
        failure = state.get("failure")
        if failure and state["phase"] == "failed":
            how = "did not listen in time" if failure["code"] is None else f"exited with {failure['code']}"
            raise ProcessFailed(f"{failure['component']} {how}; its log ends:\n{tail(Path(failure['log']))}")
        if not failure and self._guard_is_gone():
            log = self.directory / "guard.log"
            raise ProcessFailed(f"the guard of {self.directory} is gone; its log ends:\n{tail(log)}")

    def await_running(self, seconds: float) -> None:
        """Wait until every component was started and those with an address listen.

        Raises:
            ProcessFailed: one died or the time is up.
        """
        deadline = time.monotonic() + seconds
        while self.phase() != "running":
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"  {log.name}:\n{tail(log, 5)}" for log in sorted(self.directory.glob("*.log")))
                raise ProcessFailed(f"{self.directory}: not running after {seconds:g} s; the logs end:\n{logs}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop every component in order and wait until they are gone."""
        guard = self._guard_identity()
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            try:
                self._guard.wait(_LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                self._guard.kill()
                self._guard.wait()
        elif guard is not None:
            guard.send(signal.SIGTERM)
            guard.wait_gone(_LEAVE_SECONDS)
        end([identity for identity in self._identities().values() if identity.alive()], seconds=3)

    def _guard_is_gone(self) -> bool:
        if self._guard is not None:
            return self._guard.poll() is not None
        guard = self._guard_identity()
        return guard is not None and not guard.alive()

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.directory / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return state

    def _guard_identity(self) -> ProcessIdentity | None:
        guard = self._state().get("guard")
        return ProcessIdentity(**guard) if guard else None

    def _identities(self) -> dict[str, ProcessIdentity]:
        return {name: ProcessIdentity(**i) for name, i in self._state().get("components", {}).items()}
