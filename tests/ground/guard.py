"""The guard: a small process that owns a group of servers, so that none is ever left behind.

It starts its components in order (the next when the one before listens), watches them, and stops them in reverse
order when it is told to (SIGTERM), when its owner is gone (its standard input ends: also after `kill -9`), or when one
of them dies. Should the guard itself be killed, the kernel ends the components (PR_SET_PDEATHSIG).

Run by `tests.ground.processes` as `python -m tests.ground.guard DIRECTORY`; it reads `spec.json` there and keeps
`state.json` true.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.ground.identity import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LISTEN_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Stopped(Exception):
    """The guard was told to stop."""


class ComponentDied(Exception):
    """A component exited by itself."""

    def __init__(self, component: dict[str, Any], code: int | None) -> None:
        super().__init__(component["name"])
        self.failure = {"component": component["name"], "code": code, "log": component["log"]}


def _die_with_parent(parent: int, number: int) -> Callable[[], None]:
    """A function for the child to call between fork and exec: have the kernel send it `number` when the guard dies."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)  # the guard died in between

    return prepare


class Guard:
    """One group of components and their end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._spec: dict[str, Any] = json.loads((directory / "spec.json").read_text(encoding="utf-8"))
        self._children: list[tuple[dict[str, Any], subprocess.Popen[bytes]]] = []
        self._stopping = False
        self._phase = "starting"
        self._failure: dict[str, Any] | None = None
        self._wakeup, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the loop

    def run(self) -> int:
        """Start, watch and stop the group; the process's exit code."""
        try:
            for component in self._spec["components"]:
                self._start(component)
            self._write("running")
            while True:
                self._tick(None)
        except Stopped:
            return 0
        except ComponentDied as death:
            self._failure = death.failure
            return 1
        finally:
            self._write("stopping")
            self._stop_all()
            self._write("failed" if self._failure else "stopped")

    def _on_stop(self, *_: object) -> None:
        self._stopping = True

    def _start(self, component: dict[str, Any]) -> None:
        log: IO[bytes]
        with Path(component["log"]).open("ab") as log:
            process = subprocess.Popen(
                component["argv"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=component["environment"],
                cwd=component["directory"],
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid(), component["stop_signal"]),  # noqa: PLW1509 - no threads here
            )
        self._children.append((component, process))
        self._write("starting")
        if component["listen"]:
            self._await_listening(component)

    def _await_listening(self, component: dict[str, Any]) -> None:
        host, port = component["listen"]
        deadline = time.monotonic() + _LISTEN_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                self._tick(0.02)
            else:
                return
        raise ComponentDied(component, None)

    def _tick(self, seconds: float | None) -> None:
        """Wait for news, at most so long.

        Raises:
            Stopped: the guard was told to stop, or its owner is gone.
            ComponentDied: a component exited.
        """
        self._raise_news()
        tied = [] if self._spec["detached"] else [sys.stdin.fileno()]
        ready, _, _ = select.select([self._wakeup, *tied], [], [], seconds)
        if self._wakeup in ready:
            os.read(self._wakeup, 4096)
        if set(tied) & set(ready) and not os.read(sys.stdin.fileno(), 4096):
            raise Stopped
        self._raise_news()

    def _raise_news(self) -> None:
        if self._stopping:
            raise Stopped
        for component, process in self._children:
            if process.poll() is not None:
                raise ComponentDied(component, process.returncode)

    def _stop_all(self) -> None:
        for component, process in reversed(self._children):
            if process.poll() is None:
                process.send_signal(component["stop_signal"])
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _write(self, phase: str) -> None:
        def identity(pid: int) -> dict[str, int]:
            known = ProcessIdentity.of(pid)
            return {"pid": pid, "started": known.started if known else -1}

        state = {
            "phase": phase,
            "failure": self._failure,
            "detached": self._spec["detached"],
            "guard": identity(os.getpid()),
            "components": {component["name"]: identity(child.pid) for component, child in self._children},
        }
        temporary = self._directory / "state.json.new"
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self._directory / "state.json")


def main() -> int:
    """`python -m tests.ground.guard DIRECTORY`; the exit code."""
    directory = Path(sys.argv[1])
    detached = json.loads((directory / "spec.json").read_text(encoding="utf-8"))["detached"]
    if detached and os.fork():
        return 0  # the caller waits for this one; the guard belongs to init
    return Guard(directory).run()


if __name__ == "__main__":
    sys.exit(main())
