"""A real PostgreSQL server for the demo and the tests, and a database of its own for every test.

`SHIPSLOG_TEST_DSN` names a server to
use instead; its role must be allowed to create databases.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from tests.ground.initdb import USER_DSN, PostgresError, binaries, make_cluster, unprivileged, write_private
from tests.ground.ports import free_ports
from tests.ground.processes import AlreadyRunning, Component, ProcessFailed, ProcessGroup, tail

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECKOUT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 60.0
_TRIES = 3


@dataclass(frozen=True)
class _Address:
    """Where a server is and who may do anything there."""

    host: str
    port: int
    user: str
    password: str
    database: str
    query: str = ""

    @classmethod
    def of(cls, dsn: str) -> _Address:
        parts = urlsplit(dsn)
        return cls(
            host=parts.hostname or "",
            port=parts.port or 5432,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.removeprefix("/") or "postgres",
            query=parts.query,
        )


class PostgresServer:
    """One server; see `start`.

    Attributes:
        password: Of the administrator; a role made for a test logs in by `dsn` when it has the same (`allow_login`).
    """

    def __init__(self, address: _Address, root: Path, group: ProcessGroup | None) -> None:
        self._address = address
        self._root = root
        self._group = group
        self.password = address.password

    @classmethod
    def start(cls, root: Path, *, detached: bool = False) -> PostgresServer:
        """Start the server whose data is in `root`, made when it is new, and wait until it answers.

        Its settings of durability are PostgreSQL's own. Unless detached it ends with this process, however this
        process ends. With `SHIPSLOG_TEST_DSN` set, that server is used and nothing is started.

        Raises:
            PostgresError: it did not start; with the end of its log.
            AlreadyRunning: it runs already.
        """
        given = os.environ.get(USER_DSN)
        if given:
            return cls(_Address.of(given), root, None)
        root = root.resolve()
        ProcessGroup.reap(root)
        if not (root / "password").exists():
            make_cluster(root)
        for attempt in range(_TRIES):
            server = cls._launch(root, detached=detached)
            try:
                server._await_ready()
            except ProcessFailed as failure:
                server.stop()
                if attempt == _TRIES - 1 or "Address already in use" not in str(failure):
                    raise PostgresError(str(failure)) from failure
            except BaseException:
                server.stop()
                raise
            else:
                break
        return server

    @classmethod
    def attach(cls, root: Path) -> PostgresServer | None:
        """The running server of this root; None when none runs."""
        root = root.resolve()
        group = ProcessGroup.attach(root)
        if group is None or group.phase() != "running":
            return None
        return cls(_Address(**json.loads((root / "server.json").read_text(encoding="utf-8"))), root, group)

    @classmethod
    def _launch(cls, root: Path, *, detached: bool) -> PostgresServer:
        address = _Address(
            host="127.0.0.1",
            port=free_ports(1)[0],
            user="postgres",
            password=(root / "password").read_text(encoding="utf-8"),
            database="postgres",
        )
        write_private(root / "server.json", json.dumps(asdict(address)))
        component = Component(
            name="postgres",
            argv=(
                *unprivileged(root),
                str(binaries() / "postgres"),
                f"-D{root / 'data'}",
                f"-p{address.port}",
                *_settings(listen_addresses="127.0.0.1", unix_socket_directories="", max_connections="200"),
            ),
            log=root / "postgres.log",
            listen=(address.host, address.port),
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            directory="/",
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, the data is flushed
        )
        return cls(address, root, ProcessGroup.launch(root, [component], detached=detached))

    @property
    def pids(self) -> dict[str, int]:
        """Process ids; none for a server of the user's."""
        return self._group.pids if self._group else {}

    def dsn(self, database: str | None = None, user: str | None = None) -> str:
        """`postgresql://...` of a database (default: the administrator's) for a user (default: the administrator)."""
        address = self._address
        name = quote(user or address.user, safe="")
        login = f"{name}:{quote(self.password, safe='')}@" if self.password else f"{name}@"
        query = f"?{address.query}" if address.query else ""
        return (
            f"postgresql://{login}{address.host}:{address.port}/{quote(database or address.database, safe='')}{query}"
        )

    def execute(self, sql: str, database: str | None = None) -> str:
        """Run statements as the administrator, each in a transaction of its own; returns the rows, unaligned.

        Raises:
            PostgresError: a statement was refused.
        """
        done = subprocess.run(
            [str(binaries() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            input=sql,
            env=self._psql_environment(database),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise PostgresError(f"{sql.splitlines()[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def allow_login(self, role: str) -> None:
        """Make a role if need be, and let it log in by `dsn(database, role)`."""
        name, password = _name(role), self.password.replace("'", "''")
        if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = {_text(role)}"):  # noqa: S608 - quoted
            self.execute(f"CREATE ROLE {name}")
        self.execute(f"ALTER ROLE {name} LOGIN PASSWORD '{password}'")

    def create_database(self, name: str) -> str:
        """A new empty database; its DSN."""
        self.execute(f"CREATE DATABASE {_name(name)}")
        return self.dsn(name)

    def create_template(self, name: str, prepare: Callable[[str], None]) -> None:
        """Make a database to clone; one of this name is replaced.

        Args:
            name: Of the template.
            prepare: Called with its DSN, to fill it; must have closed its connections when it returns.
        """
        if self.execute(f"SELECT 1 FROM pg_database WHERE datname = {_text(name)}"):  # noqa: S608 - quoted
            self.execute(f"ALTER DATABASE {_name(name)} IS_TEMPLATE false")
            self.drop(name)
        prepare(self.create_database(name))
        # A session in it would make every clone fail.
        self.execute(f"ALTER DATABASE {_name(name)} IS_TEMPLATE true ALLOW_CONNECTIONS false")

    def clone(self, template: str) -> str:
        """A new database equal to the template; its DSN."""
        name = f"{template}_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {_name(name)} TEMPLATE {_name(template)}")
        return self.dsn(name)

    def drop(self, database: str) -> None:
        """Drop a database, given by name or DSN, and end its sessions."""
        name = _Address.of(database).database if "://" in database else database
        self.execute(f"DROP DATABASE IF EXISTS {_name(name)} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and wait until it is gone; the data stays. A server of the user's is left alone."""
        if self._group:
            self._group.stop()

    def _await_ready(self) -> None:
        assert self._group is not None
        self._group.await_running(_READY_SECONDS)
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except PostgresError as error:  # it listens before it has recovered
                self._group.check()
                if time.monotonic() > deadline:
                    log = tail(self._root / "postgres.log")
                    raise PostgresError(
                        f"no answer after {_READY_SECONDS:g} s: {error}; its log ends:\n{log}"
                    ) from error
                time.sleep(0.02)
            else:
                return

    def _psql_environment(self, database: str | None) -> dict[str, str]:
        address = self._address
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PGHOST": address.host,
            "PGPORT": str(address.port),
            "PGUSER": address.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database or address.database,
            "PGCONNECT_TIMEOUT": "10",
        }


def _settings(**settings: str) -> list[str]:
    return [f"-c{name}={value}" for name, value in settings.items()]


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(literal: str) -> str:
    return "'" + literal.replace("'", "''") + "'"


def main() -> int:
    """`python -m tests.ground.postgres up|down --root DIR`; up prints the DSN."""
    parser = argparse.ArgumentParser(prog="python -m tests.ground.postgres", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--root", type=Path, default=_CHECKOUT / ".run" / "postgres", help="of its data")
    given = parser.parse_args()
    try:
        if given.command == "up":
            server = PostgresServer.attach(given.root) or PostgresServer.start(given.root, detached=True)
            print(server.dsn())
        elif group := ProcessGroup.attach(given.root.resolve()):
            group.stop()
    except (PostgresError, AlreadyRunning) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
