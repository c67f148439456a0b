"""What the story stands on: servers side by side, the chart, the controller in place of its Pod, Prometheus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import ControlPlane
from tests.demo.database import Database
from tests.ground.controller_process import ControllerProcess
from tests.ground.eventually import eventually
from tests.ground.git_repository import BareRepository
from tests.ground.git_server import launch
from tests.ground.installation import TOOLS, install, migration_environment, pod_environment
from tests.ground.objects import Objects
from tests.ground.postgres import PostgresServer
from tests.ground.processes import ProcessGroup
from tests.ground.prometheus import PrometheusServer

if TYPE_CHECKING:
    from tests.ground.git_repository import Worktree

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT = CHECKOUT / ".run" / "demo"
PLANE = "demo"
START = 30.0
"""Seconds until the controller must be ready."""
TOKEN_SECONDS = 24 * 3600
"""How long a kept demo's controller is let in: nobody renews its token."""


class Ground:
    """All that one telling has. `keep`: it outlives this process."""

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.root = ROOT
        self.plane: ControlPlane
        self.objects: Objects
        self.postgres: PostgresServer
        self.database: Database
        self.git: ProcessGroup
        self.repository: BareRepository
        self.worktree: Worktree
        self.controller: ControllerProcess
        self.controller_group: ProcessGroup
        self.prometheus: PrometheusServer
        self.log = self.root / "controller" / "controller.log"

    def start(self) -> dict[str, float]:
        """Start the three servers side by side; gives how long each took, in seconds."""
        self.root.mkdir(parents=True, exist_ok=True)
        starts = {"control plane": self._plane, "PostgreSQL, migrated": self._postgres, "Git server": self._git}

        def timed(start: str) -> float:
            begun = time.monotonic()
            starts[start]()
            return time.monotonic() - begun

        with ThreadPoolExecutor(len(starts)) as threads:
            return dict(zip(starts, threads.map(timed, starts), strict=True))

    def install(self) -> None:
        """Install the chart by the real Helm."""
        install(self.plane, self.objects, self.database.urls, self.root / "helm")

    def sail(self) -> None:
        """Start the controller as the chart's Pod would run it, with a Prometheus beside it; wait for both."""
        given = pod_environment(
            self.plane, self.objects, self.database.urls, self.root / "serviceaccount", seconds=TOKEN_SECONDS
        )
        own = {"SHIPSLOG_SPOOL_DIR", "SHIPSLOG_MIRROR_DIR", "SHIPSLOG_LISTEN", "HOME"}
        environment = {name: value for name, value in given.items() if name not in own}
        self.controller = ControllerProcess(self.root / "controller", environment)
        self.controller_group = ProcessGroup.launch(
            self.root / "controller" / "group", [self.controller.component()], detached=self.keep
        )
        target = self.controller.url.removeprefix("http://")
        self.prometheus = PrometheusServer.start(self.root / "prometheus", [target], detached=self.keep)
        self.controller_group.await_running(START)
        eventually(self.controller.is_ready, "the controller is ready", seconds=START)

    def shipslog(self, *arguments: str) -> str:
        """What the real command line prints, as the demo's reader and administrator; raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "controller", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.root),
                "KUBECONFIG": str(self.plane.kubeconfig),
                "SHIPSLOG_CLI_DATABASE_URL": self.database.reader,
                "COLUMNS": "150",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def stop(self) -> None:
        """Stop all that was started: the controller first, as it still has something to say to the others."""
        controller = getattr(self, "controller_group", None)
        if controller is not None:
            controller.stop()
        others = [getattr(self, name, None) for name in ("prometheus", "git", "postgres", "plane")]
        with ThreadPoolExecutor(len(others)) as threads:
            list(threads.map(lambda started: started and started.stop(), others))

    def _plane(self) -> None:
        self.plane = ControlPlane.start(PLANE, self.root, binaries=TOOLS, detached=self.keep)
        self.objects = Objects(self.plane.admin)

    def _postgres(self) -> None:
        self.postgres = PostgresServer.start(self.root / "postgres", detached=self.keep)
        self.database = Database(self.postgres, self.root)
        subprocess.run(
            [sys.executable, "-m", "controller", "migrate"],
            env={"PATH": os.environ["PATH"], "HOME": str(self.root)}
            | migration_environment(self.database.urls, self.root / "helm-migration"),
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.database.grant()

    def _git(self) -> None:
        directory = self.root / "git"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(self.root / "worktree", ignore_errors=True)
        directory.mkdir(parents=True)
        url, self.git = launch(directory, detached=self.keep)
        self.repository = BareRepository.create(directory / "shop.git", f"{url}/shop.git")
        self.worktree = self.repository.worktree(self.root / "worktree", over="http")


def down() -> bool:
    """Stop a demo that was kept; False when there was none."""
    plane = ControlPlane.attach(PLANE, ROOT)
    groups = [ProcessGroup.attach(ROOT / place) for place in ("prometheus/group", "controller/group", "git/.server")]
    postgres = PostgresServer.attach(ROOT / "postgres")
    found = [one for one in (*groups, postgres, plane) if one is not None]
    for one in found:
        one.stop()
    return bool(found)


def forget() -> None:
    """Remove what an earlier telling left: spool, mirrors, repository. PostgreSQL's files stay, to start sooner."""
    for place in ("controller", "git", "worktree", "serviceaccount", "prometheus"):
        shutil.rmtree(ROOT / place, ignore_errors=True)
