"""The chart's containers, run by hand: the same commands, arguments, environment and ServiceAccount."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import token
from tests.integration.chart.helm import NAMESPACE, container, environment, find

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.controlplane import ControlPlane


class Kubelet:
    """Stands in for what a kubelet gives a container: its environment, its files, its start and its end."""

    def __init__(self, plane: ControlPlane, directory: Path, database: dict[str, str]) -> None:
        self._plane = plane
        self.directory = directory
        self._database = database

    def migrate(self, objects: list[Json]) -> str:
        """Run the migration Job's container to its end; what it printed. Raises CalledProcessError."""
        job = container(find(objects, "Job"))
        given = environment(objects, job, self._database)
        done = subprocess.run(
            _command(job), env=self._complete(given), capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def start(self, objects: list[Json]) -> subprocess.Popen[bytes]:
        """Start the controller's container; its log is `controller.log`."""
        controller = container(find(objects, "StatefulSet"))
        given = environment(objects, controller, self._database)
        with self.log.open("wb") as log:
            return subprocess.Popen(_command(controller), env=self._complete(given), stdout=log, stderr=log)

    def run(self, objects: list[Json], *arguments: str) -> subprocess.CompletedProcess[str]:
        """As `kubectl exec` would, run another command in the controller's container."""
        given = environment(objects, container(find(objects, "StatefulSet")), self._database)
        return subprocess.run(
            [_installed("shipslog"), *arguments],
            env=self._complete(given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def log(self) -> Path:
        """What the controller said."""
        return self.directory / "controller.log"

    def account(self) -> Path:
        """The directory of the ServiceAccount, with a fresh token."""
        directory = self.directory / "serviceaccount"
        directory.mkdir(exist_ok=True)
        (directory / "token").write_text(token(self._plane, NAMESPACE, "shipslog"), encoding="utf-8")
        (directory / "namespace").write_text(NAMESPACE, encoding="utf-8")
        (directory / "ca.crt").write_bytes(self._plane.ca_file.read_bytes())
        return directory

    def _complete(self, given: dict[str, str]) -> dict[str, str]:
        host, _, port = self._plane.url.removeprefix("https://").rpartition(":")
        return given | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
        }


def _command(container: Json) -> list[str]:
    program, *rest = container["command"]
    return [_installed(program), *rest, *container["args"]]


def _installed(program: str) -> str:
    return str(Path(sys.executable).with_name(program))
