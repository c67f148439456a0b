"""The controller as a process of its own, as the chart's Pod runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually
from tests.ground.ports import free_ports
from tests.ground.processes import Component

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = (sys.executable, "-m", "controller", "controller")
START = 30.0
"""Seconds until it must be ready."""


class ControllerProcess:
    """One process; `environment` is all it is told, beside a free port to listen on."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "controller.log"
        self.port = free_ports(1)[0]
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "SHIPSLOG_SPOOL_DIR": str(directory / "spool"),
            "SHIPSLOG_MIRROR_DIR": str(directory / "mirrors"),
            "SHIPSLOG_LISTEN": f"127.0.0.1:{self.port}",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def component(self) -> Component:
        """The same process for a guard to own (`tests.ground.processes`), in place of `start` and `stop`."""
        return Component("controller", COMMAND, self.log, ("127.0.0.1", self.port), environment=self.environment)

    @property
    def url(self) -> str:
        """Where probes and metrics are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id; 0 while there is none."""
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.poll() if self._process else None

    def start(self, *, wait: bool = True) -> ControllerProcess:
        """Start it, and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                COMMAND,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            eventually(self.is_ready, f"the controller is ready (its log: {self.log})", seconds=START)
        return self

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM; gives the exit code. One that does not end in time is killed, and that is an error."""
        return self._end(signal.SIGTERM, seconds)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and don't wait for what becomes of it."""
        assert self._process is not None, "the controller does not run"
        self._process.send_signal(number)

    def await_end(self, seconds: float = 30.0) -> int:
        """Wait until it ends by itself, or by a signal it was sent; gives the exit code."""
        return self._end(None, seconds)

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of `/healthz` or `/readyz`."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310 - our own http
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def kill(self) -> None:
        """SIGKILL: no time to say goodbye."""
        self._end(signal.SIGKILL, 10.0)

    def metrics(self) -> str:
        """The exposition."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310 - our own http
            text: str = answer.read().decode()
        return text

    def text(self) -> str:
        """All that it logged."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def _end(self, number: signal.Signals | None, seconds: float) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if number is not None:
            process.send_signal(number)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the controller did not end within {seconds:g} s: {self.text()[-2000:]}") from None

    def is_ready(self) -> bool:
        """Whether it says so; raises AssertionError when it has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the controller ended with {self._process.returncode}: {self.text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own http
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
