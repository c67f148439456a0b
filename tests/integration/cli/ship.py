"""A running controller and everything it works on."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.ground.git_repository import BareRepository
from tests.integration.cli.shell import Shell

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.controlplane import ControlPlane
    from tests.ground.postgres import PostgresServer

GROUP = "/apis/shipslog.dev/v1alpha1/namespaces/team"
APPLICATIONS = f"{GROUP}/applications"
CONFIGMAPS = "/api/v1/namespaces/team/configmaps"


class Ship:
    """Use `shell` as the user on shore; `close` ends the controller."""

    def __init__(self, plane: ControlPlane, postgres: PostgresServer, directory: Path) -> None:
        self.plane = plane
        self.directory = directory
        self.owner_dsn = postgres.create_database("cli")
        home = directory / "home"
        home.mkdir()
        self.shell = Shell(home, {"KUBECONFIG": str(plane.kubeconfig), "SHIPSLOG_CLI_NAMESPACE": "team"})
        bare = directory / "shop.git"
        self.repository = BareRepository.create(bare, bare.as_uri())
        self.worktree = self.repository.worktree(directory / "worktree")
        self._process: subprocess.Popen[bytes] | None = None
        self._log = directory / "controller.log"

    def set_sail(self) -> None:
        """Migrate, start, and wait until it is ready."""
        migrated = self.shell("migrate", SHIPSLOG_DATABASE_URL=self.owner_dsn)
        assert migrated.code == 0, migrated.err
        self.worktree.publish({"README": "Nothing yet"}, "Beginning")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._process = self.shell.start(
            "controller",
            log=self._log,
            SHIPSLOG_KUBECONFIG=str(self.plane.kubeconfig),
            SHIPSLOG_DATABASE_URL=self.owner_dsn,
            SHIPSLOG_SPOOL_DIR=str(self.directory / "spool"),
            SHIPSLOG_MIRROR_DIR=str(self.directory / "mirrors"),
            SHIPSLOG_ALLOW_FILE_URLS="true",
            SHIPSLOG_LISTEN=f"127.0.0.1:{port}",
            SHIPSLOG_ENGINE_PROCESSES="1",
        )
        self._until_ready(f"http://127.0.0.1:{port}/readyz")

    def publish(self, name: str, depth: int, **more: str | None) -> str:
        """Push the ConfigMap that an Application brings, and more files of its directory; the commit."""
        files: dict[str, str | bytes | None] = {f"{name}/{file}.yaml": text for file, text in more.items()}
        return self.worktree.publish({**files, f"{name}/config.yaml": configmap(name, depth)}, f"Depth {depth}")

    def application(self, name: str, depth: int = 1, **sync: Any) -> None:
        """An Application that reads the directory of its name, in which its ConfigMap stands."""
        self.publish(name, depth)
        self.read(name, **sync)

    def read(self, name: str, **sync: Any) -> None:
        """An Application that reads the directory of its name, whatever stands there."""
        admin = self.plane.admin
        url = self.repository.path.as_uri()
        admin.apply(f"{GROUP}/repositories/shop", _object("Repository", "shop", {"url": url, "interval": "1h"}))
        source = {"repository": "shop", "ref": {"branch": "main"}, "path": name}
        spec = {"source": source, "destination": {"namespace": "team"}, "sync": sync}
        admin.apply(f"{APPLICATIONS}/{name}", _object("Application", name, spec))

    def live(self, name: str) -> str:
        """The depth that stands in the cluster."""
        return str(self.plane.admin.get(f"{CONFIGMAPS}/{name}")["data"]["depth"])

    def configmaps(self) -> dict[str, Any]:
        """The data of every ConfigMap of the team, by name."""
        found = self.plane.admin.get(CONFIGMAPS)["items"]
        return {one["metadata"]["name"]: one.get("data") for one in found}

    def until(self, name: str, condition: str, status: str = "True") -> None:
        """Wait until a condition of an Application has that status."""
        deadline = time.monotonic() + 30
        while True:
            found = self.plane.admin.get(f"{GROUP}/applications/{name}").get("status", {}).get("conditions", [])
            if any(one["type"] == condition and one["status"] == status for one in found):
                return
            assert time.monotonic() < deadline, f"{condition} is not {status}: {found}"
            time.sleep(0.05)

    def close(self) -> None:
        """Stop the controller as a Pod is stopped."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()

    def _until_ready(self, url: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http://
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)


def configmap(name: str, depth: int) -> str:
    """A manifest."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{depth: '{depth}'}}\n"


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "team"}
    return {"apiVersion": "shipslog.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
