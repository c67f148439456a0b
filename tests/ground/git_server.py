"""A Git server on loopback for the demo and the tests: bare repositories over `file://` and smart HTTP."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ground.git_http import Faults, GitHttpServer
from tests.ground.git_repository import BareRepository, GitError, Worktree, git
from tests.ground.ports import free_ports
from tests.ground.processes import AlreadyRunning, Component, ProcessFailed, ProcessGroup

if TYPE_CHECKING:
    import ssl

__all__ = ["BareRepository", "GitError", "GitServer", "Worktree", "git"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 20.0


class GitServer:
    """Serves the bare repositories under `root`, in threads of this process.

    It stops with the process. Every method may be called from any thread; none is for an event loop.
    """

    def __init__(self, root: Path, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: serve HTTPS by this context."""
        self.root = root.resolve()
        self._tls = tls
        self.port = port
        """0 until the first start picks one; the same ever after."""
        self._requests: Counter[tuple[str, str]] = Counter()
        self._faults = Faults()
        self._http: GitHttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, or `https://`."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def start(self) -> GitServer:
        """Listen: on any free port the first time, then on the same again."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._http = GitHttpServer(self.port, self.root, self._requests, self._faults, self._tls)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="git server", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and cut every connection; the repositories stay, and so does the port."""
        if self._http is None or self._thread is None:
            return
        self._http.end()
        self._thread.join()
        self._http = self._thread = None
        self._faults.stall_after = None
        self._faults.released.clear()

    def create(self, name: str, *, credentials: tuple[str, str] | None = None) -> BareRepository:
        """A new empty repository.

        Args:
            name: May hold slashes.
            credentials: User and password that the server asks for over HTTP; None: it asks nobody.
        """
        return BareRepository.create(self.root / f"{name}.git", f"{self.url}/{name}.git", credentials)

    def count(self, kind: str, repository: str | None = None) -> int:
        """Requests so far of a kind: `info/refs`, `ls-refs`, `fetch`, `receive-pack`, `refused` or `not found`.

        `fetch` is one in which objects were asked for. What was refused or not found has no repository.
        """
        return sum(n for (name, k), n in list(self._requests.items()) if k == kind and repository in (None, name))

    def stall_after(self, size: int) -> None:
        """From now on let every answer hang after so many bytes of its body, until `resume` or `stop`."""
        self._faults.released.clear()
        self._faults.stall_after = size

    def resume(self) -> None:
        """Let hanging answers go on, and no new one hang."""
        self._faults.stall_after = None
        self._faults.released.set()


def launch(root: Path, *, port: int = 0, detached: bool = False) -> tuple[str, ProcessGroup]:
    """Serve this root from a process of its own; its URL, and what stops it.

    Unless detached it ends with this process, however this process ends.

    Raises:
        ProcessFailed: it did not start.
        AlreadyRunning: one of this root runs.
    """
    control = root.resolve() / ".server"
    port = port or free_ports(1)[0]
    serve = (sys.executable, "-m", "tests.ground.git_server", "serve", f"--root={root.resolve()}", f"--port={port}")
    component = Component(
        "git-server", serve, control / "git-server.log", ("127.0.0.1", port), directory=str(_CHECKOUT)
    )
    group = ProcessGroup.launch(control, [component], detached=detached)
    try:
        group.await_running(_READY_SECONDS)
    except BaseException:
        group.stop()
        raise
    url = f"http://127.0.0.1:{port}"
    (control / "url").write_text(url, encoding="utf-8")
    return url, group


def up(root: Path, port: int) -> str:
    """Keep a server of this root running in the background; its URL."""
    control = root.resolve() / ".server"
    if ProcessGroup.attach(control) is not None:
        return (control / "url").read_text(encoding="utf-8")
    return launch(root, port=port, detached=True)[0]


def _serve(root: Path, port: int) -> None:
    server = GitServer(root, port).start()
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()
    server.stop()


def _create(root: Path, name: str, credentials: tuple[str, str] | None) -> BareRepository:
    """A repository for the server that runs in the background."""
    url = (root.resolve() / ".server" / "url").read_text(encoding="utf-8")
    return BareRepository.create(root.resolve() / f"{name}.git", f"{url}/{name}.git", credentials)


def main() -> int:
    """`python -m tests.ground.git_server up|create NAME|down --root DIR`; up and create print a URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.ground.git_server", description=__doc__)
    parser.add_argument("command", choices=["up", "create", "down", "serve"])
    parser.add_argument("name", nargs="?", help="of the repository to create")
    parser.add_argument("--root", type=Path, default=_CHECKOUT / ".run" / "git", help="of the repositories")
    parser.add_argument("--port", type=int, default=0, help="to listen on (default: a free one)")
    parser.add_argument("--credentials", help="USER:PASSWORD that the repository is to ask for")
    given = parser.parse_args()
    try:
        if given.command == "up":
            print(up(given.root, given.port))
        elif given.command == "serve":
            _serve(given.root, given.port)
        elif given.command == "create":
            user, _, password = (given.credentials or "").partition(":")
            print(_create(given.root, given.name, (user, password) if user else None).url)
        elif group := ProcessGroup.attach(given.root.resolve() / ".server"):
            group.stop()
    except (ProcessFailed, AlreadyRunning, GitError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
