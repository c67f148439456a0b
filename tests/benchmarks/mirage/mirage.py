"""The process in which simulated clusters run, as those who use them see it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ground.ports import free_ports
from tests.ground.processes import Component, ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

READY = 30.0
"""Seconds until all must listen."""
_CHECKOUT = Path(__file__).resolve().parents[3]


class Mirage:
    """`names` are those of the clusters; each listens on a port of its own."""

    def __init__(self, directory: Path, count: int) -> None:
        self.names: Sequence[str] = tuple(f"mirage-{number:03d}" for number in range(count))
        self._directory = directory
        self._ports = free_ports(count)
        self._group: ProcessGroup | None = None

    def start(self) -> None:
        """Start it, and wait until all listen. Raises ProcessFailed with the end of its log."""
        ports = ",".join(map(str, self._ports))
        command = (sys.executable, "-m", "tests.benchmarks.mirage", "--ports", ports)
        # The last port is the last to be listened on.
        listen = ("127.0.0.1", self._ports[-1])
        log = self._directory / "mirage.log"
        self._group = ProcessGroup.launch(
            self._directory, [Component("mirage", command, log, listen, directory=str(_CHECKOUT))]
        )
        try:
            self._group.await_running(READY)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        if self._group is not None:
            self._group.stop()

    def kubeconfig(self, name: str) -> str:
        """Of one cluster, by plain HTTP: encryption costs each connection the same, and is no part of the question."""
        server = f"http://127.0.0.1:{self._ports[self.names.index(name)]}"
        content: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "users": [{"name": name, "user": {"token": "simulated"}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
        return json.dumps(content)
