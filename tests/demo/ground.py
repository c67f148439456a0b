"""What the story stands on: servers side by side, the chart, the controller in place of its Pod, Prometheus."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import GivenCluster, home
from tests.demo.database import Database, forget
from tests.ground.controller_process import ControllerProcess
from tests.ground.eventually import eventually
from tests.ground.git_repository import BareRepository
from tests.ground.git_server import launch
from tests.ground.initdb import USER_DSN, write_private
from tests.ground.installation import TOOLS, install, migration_environment, pod_environment
from tests.ground.objects import Objects
from tests.ground.postgres import PostgresServer
from tests.ground.processes import ProcessGroup
from tests.ground.prometheus import PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.controlplane import Plane
    from tests.ground.git_repository import Worktree

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT = CHECKOUT / ".run" / "demo"
PLANE = "cluster"
RULES = CHECKOUT / "dashboards" / "alerts.yaml"
START = 30.0
"""Seconds until the controller must be ready."""
TOKEN_SECONDS = 7 * 24 * 3600
"""How long a kept demo's controller is let in: nobody renews its token."""
CONTROLLER = "controller/group"
SERVERS = ("prometheus/group", "git/.server", "postgres", PLANE)


class Busy(Exception):
    """Another telling is under way in the same directory."""


class Ground:
    """All that one telling has, under `root`. `keep`: it outlives this process."""

    def __init__(self, root: Path, *, keep: bool) -> None:
        self.keep = keep
        self.root = root
        self.plane: Plane
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
        """Start the three servers; gives how long each took, in seconds."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self._side_by_side({"control plane": self._plane, "PostgreSQL": self._postgres, "Git server": self._git})

    def install(self) -> dict[str, float]:
        """Install the chart by the real Helm, and migrate as its Job would; gives how long each took, in seconds."""
        return self._side_by_side({"helm install": self._chart, "migration": self._migrate})

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
        self.prometheus = PrometheusServer.start(self.root / "prometheus", [target], rules=[RULES], detached=self.keep)
        self.controller_group.await_running(START)
        eventually(self._ready, f"the controller is ready (its log: {shown(self.log)})", seconds=START)

    @property
    def surroundings(self) -> dict[str, str]:
        """What the command line is told, by its variables."""
        return {"KUBECONFIG": str(self.plane.kubeconfig), "SHIPSLOG_CLI_DATABASE_URL": self.database.reader}

    def shipslog(self, *arguments: str) -> str:
        """What the real command line prints, as the demo's reader and administrator; raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "controller", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), **self.surroundings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def write_surroundings(self) -> Path:
        """The same as a file for a shell to read."""
        path = self.root / "env"
        variables = {**self.surroundings, "PATH": f"{Path(sys.executable).parent}:$PATH"}
        write_private(path, "".join(f'export {name}="{value}"\n' for name, value in variables.items()))
        return path

    def _ready(self) -> bool:
        self.controller_group.check()
        return self.controller.is_ready()

    def _side_by_side(self, starts: Mapping[str, Callable[[], None]]) -> dict[str, float]:
        def timed(start: str) -> float:
            begun = time.monotonic()
            starts[start]()
            return time.monotonic() - begun

        threads = ThreadPoolExecutor(len(starts))
        try:
            return dict(zip(starts, threads.map(timed, starts), strict=True))
        except BaseException:
            down(self.root)  # what is only just starting, too: its threads end sooner
            raise
        finally:
            threads.shutdown()

    def _plane(self) -> None:
        self.plane = home(PLANE, self.root, binaries=TOOLS, detached=self.keep)
        self.objects = Objects(self.plane.admin)

    def _postgres(self) -> None:
        self.postgres = PostgresServer.start(self.root / "postgres", detached=self.keep)
        forget(self.postgres, self.root)
        self.database = Database(self.postgres, self.root)

    def _chart(self) -> None:
        install(self.plane, self.objects, self.database.urls, self.root / "helm")

    def _migrate(self) -> None:
        given = migration_environment(self.database.urls, self.root / "helm-migration")
        subprocess.run(
            [sys.executable, "-m", "controller", "migrate"],
            env={"PATH": os.environ["PATH"]} | given | {"HOME": str(self.root)},
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.database.grant()

    def _git(self) -> None:
        directory = self.root / "git"
        directory.mkdir(parents=True)
        url, self.git = launch(directory, detached=self.keep)
        self.repository = BareRepository.create(directory / "shop-config.git", f"{url}/shop-config.git")
        self.worktree = self.repository.worktree(self.root / "worktree", over="http")


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """One telling at a time in a directory; raises Busy."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f".{root.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"one runs in {shown(root)} already: wait for its end, or stop it with Ctrl-C") from None
        yield


def down(root: Path) -> bool:
    """Stop all that runs there, the controller first: it still has something to say to the others. False: nothing did.

    On a PostgreSQL of the user's, what the demo made there is dropped.
    """
    controller = ProcessGroup.attach(root.resolve() / CONTROLLER)
    if controller is not None:
        controller.stop()
    others = [group for place in SERVERS if (group := ProcessGroup.attach(root.resolve() / place))]
    with ThreadPoolExecutor(len(SERVERS)) as threads:
        list(threads.map(ProcessGroup.stop, others))
    given = GivenCluster.attach(PLANE, root)
    if given is not None:
        given.stop()
    if os.environ.get(USER_DSN) and root.exists():
        forget(PostgresServer.start(root / "postgres"), root)
    return controller is not None or given is not None or bool(others)


def clear(root: Path) -> None:
    """Remove what an earlier telling left: spool, mirrors, repository. PostgreSQL's files stay, to start sooner."""
    for place in ("controller", "git", "worktree", "serviceaccount", "prometheus"):
        shutil.rmtree(root / place, ignore_errors=True)


def shown(path: Path) -> str:
    """A path as people see it: from the checkout on, where it is inside."""
    return str(path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path)
