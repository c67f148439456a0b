"""A second API server in front of a control plane's etcd: killed and started again as a test needs it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.controlplane.admin import Admin
from tests.controlplane.components import Ports, components

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane import ControlPlane

_READY_SECONDS = 60.0


class ApiServer:
    """One kube-apiserver process on a port of its own."""

    def __init__(self, plane: ControlPlane, binaries: Path, directory: Path) -> None:
        identity = json.loads((plane.directory / "plane.json").read_text())
        etcd = urlsplit(identity["etcd"]).port or 0
        ports = Ports(etcd, 1, Ports.pick().api)
        found = {component.name: component for component in components(plane.directory, ports, binaries.resolve())}
        self._argv = found["kube-apiserver"].argv
        self._plane = plane
        self._log = directory / "second-apiserver.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"https://127.0.0.1:{ports.api}"
        self.admin = Admin(self.url, plane.admin_token, plane.ca_file)

    def kubeconfig(self) -> bytes:
        """The administrator's kubeconfig, of this server."""
        return self._plane.kubeconfig.read_text().replace(self._plane.url, self.url).encode()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._log.parent
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready():
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            assert time.monotonic() < deadline, self._log.read_text()[-2000:]
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it answer nothing any more, with its connections standing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _ready(self) -> bool:
        try:
            return bool(self.admin.get("/readyz") == "ok")
        except (RuntimeError, OSError, urllib.error.URLError):
            return False
