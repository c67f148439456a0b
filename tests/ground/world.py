"""A whole world for one story: control planes, a ledger, a Git server, the chart, the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import API_VERSION
from tests.ground.controller_process import ControllerProcess
from tests.ground.eventually import eventually
from tests.ground.installation import install, pod_environment
from tests.ground.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from controller.model.base import Json
    from tests.controlplane import Plane
    from tests.ground.git_repository import BareRepository, Worktree
    from tests.ground.git_server import GitServer
    from tests.ground.ledger import LedgerDatabase

TEAM = "team-pay"
"""Namespace of the Applications."""


class World:
    """What a test stands in. The servers are given and stay; everything else is this world's own."""

    def __init__(self, directory: Path, plane: Plane, ledger: LedgerDatabase, git: GitServer) -> None:
        self.directory = directory
        self.plane = plane
        self.ledger = ledger
        self.git = git
        self.objects = Objects(plane.admin)
        self.urls = {"url": ledger.writer_dsn, "ownerUrl": ledger.dsn}
        self.repositories: dict[str, tuple[BareRepository, Worktree]] = {}

    def install(self, values: Json | None = None) -> None:
        """Install the chart, and create the team's namespace."""
        install(self.plane, self.objects, self.urls, self.directory / "helm", values)
        self.objects.namespace(TEAM)

    def controller(self, **settings: str) -> ControllerProcess:
        """The controller as the chart's Pod would run it; not started yet."""
        given = pod_environment(self.plane, self.objects, self.urls, self.directory / "serviceaccount")
        own = {"SHIPSLOG_SPOOL_DIR", "SHIPSLOG_MIRROR_DIR", "SHIPSLOG_LISTEN", "HOME"}
        environment = {name: value for name, value in given.items() if name not in own}
        return ControllerProcess(self.directory / "pod", environment | settings)

    def repository(
        self, name: str = "shop-config", *, credentials: tuple[str, str] | None = None, interval: str = "1s"
    ) -> Worktree:
        """A repository on the Git server, a Repository that names it, and a working copy to commit in."""
        bare = self.git.create(f"{self.directory.name}-{name}", credentials=credentials)
        worktree = bare.worktree(self.directory / f"worktree-{name}")
        self.repositories[name] = (bare, worktree)
        spec: dict[str, Any] = {"url": bare.url, "interval": interval}
        if credentials:
            user, password = credentials
            secret = {"username": user, "password": password}
            self.objects.apply(_secret(f"{name}-login", secret))
            spec["secretRef"] = {"name": f"{name}-login"}
        self.objects.apply(_ours("Repository", name, spec))
        return worktree

    def application(self, name: str, *, repository: str = "shop-config", path: str = ".", **spec: Any) -> None:
        """Create or change an Application; `spec` adds to or replaces fields of its spec."""
        source = {"repository": repository, "path": path} | spec.pop("source", {})
        destination = {"namespace": name} | spec.pop("destination", {})
        self.objects.apply(_ours("Application", name, {"source": source, "destination": destination, **spec}))

    def status(self, name: str, kind: str = "Application") -> Json:
        """Status of an Application or Repository of the team."""
        found = self.objects.get(API_VERSION, kind, TEAM, name)
        return dict(found.get("status", {})) if found else {}

    def condition(self, name: str, type_: str, kind: str = "Application") -> Mapping[str, Any]:
        """A condition of it; empty while there is none."""
        conditions = self.status(name, kind).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), {})

    def await_ready(self, *names: str, revision: str = "", seconds: float = 30.0) -> None:
        """Wait until these Applications are Ready, at a revision where one is given."""
        for name in names:
            eventually(lambda name=name: self._ready(name, revision), f"{name} is ready", seconds=seconds)  # type: ignore[misc]

    def await_event(self, type_: str, *, seconds: float = 15.0, **wanted: Any) -> dict[str, Any]:
        """Wait until the ledger has an event of a type whose top-level fields are as wanted; gives it."""

        def look() -> dict[str, Any] | None:
            for event in self.ledger.events(type_):
                if all(event.get(field) == value for field, value in wanted.items()):
                    return event
            return None

        found = eventually(look, f"the ledger has {type_} with {wanted}", seconds=seconds, pause=0.1)
        assert found is not None
        return found

    def _ready(self, name: str, revision: str) -> bool:
        status = self.status(name)
        conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
        ready = conditions.get("Ready", {}).get("status") == "True"
        settled = conditions.get("Reconciling", {}).get("status") == "False"
        return ready and settled and (not revision or status.get("revision", {}).get("sha") == revision)


def _ours(kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": TEAM},
        "spec": spec,
    }


def _secret(name: str, data: Mapping[str, str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": TEAM},
        "stringData": dict(data),
    }
