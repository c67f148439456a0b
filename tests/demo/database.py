"""The story's database: the ledger of one demo, its logins, and what stands in it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.ground.initdb import binaries, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground.postgres import PostgresServer

_FILE = "database.json"
_EVENTS = """
SELECT json_build_object('event', convert_from(body, 'UTF8')::json, 'recorded', recorded_at)::text
FROM audit.event {where} ORDER BY occurred_at, seq
"""


@dataclass(frozen=True)
class Record:
    """One event, when it happened and when PostgreSQL had it, in seconds since the epoch."""

    body: dict[str, Any]
    recorded: float

    @property
    def occurred(self) -> float:
        """By the controller's clock."""
        return datetime.fromisoformat(self.body["occurred_at"]).timestamp()

    def caused_by(self, other: Record) -> bool:
        """Whether it is the consequence of another one."""
        return bool(self.body.get("causation_id") == other.body["id"])

    def of(self, revision: str) -> bool:
        """Whether it belongs to a commit."""
        return bool(self.body.get("revision") == revision)


class Database:
    """One database with three logins: its owner's, one that may only insert and one that may only read."""

    def __init__(self, server: PostgresServer, root: Path) -> None:
        mark = secrets.token_hex(4)
        self.name = f"shipslog_demo_{mark}"
        self._server = server
        self._logins = {role: (f"shipslog_demo_{role}_{mark}", secrets.token_urlsafe(18)) for role in _ROLES}
        roles = [login for login, _ in self._logins.values()]
        write_private(root / _FILE, json.dumps({"database": self.name, "roles": roles}))
        self.owner = server.create_database(self.name)

    @property
    def urls(self) -> dict[str, str]:
        """What the chart's Secret holds."""
        return {"url": self._dsn("writer"), "ownerUrl": self.owner}

    @property
    def reader(self) -> str:
        """For those who only look."""
        return self._dsn("reader")

    def grant(self) -> None:
        """Make the reader's login; the writer's was made by the migration, as the chart has it."""
        login, password = self._logins["reader"]
        # An error would quote the first line.
        create = f"-- the reader\nCREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE audit_reader"
        self._server.execute(create, self.name)

    def events(self, type_: str) -> list[Record]:
        """The events of a type, oldest first."""
        return self._records(f"WHERE type = '{type_}'")

    def count(self) -> int:
        """How many events there are."""
        return int(self._server.execute("SELECT count(*) FROM audit.event", self.name))

    def refused(self, sql: str) -> str:
        """What PostgreSQL says when the controller's login tries this; empty when it lets it."""
        place = urlsplit(self._dsn("writer"))
        done = subprocess.run(
            [str(binaries() / "psql"), "-Xq", "-c", sql],
            env={
                "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                "PGHOST": str(place.hostname),
                "PGPORT": str(place.port),
                "PGUSER": str(place.username),
                "PGPASSWORD": str(place.password),
                "PGDATABASE": self.name,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stderr.strip() if done.returncode else ""

    def _records(self, where: str) -> list[Record]:
        rows = self._server.execute(_EVENTS.format(where=where), self.name)
        found = [json.loads(row) for row in rows.splitlines() if row]
        return [Record(row["event"], datetime.fromisoformat(row["recorded"]).timestamp()) for row in found]

    def _dsn(self, role: str) -> str:
        login, password = self._logins[role]
        place = urlsplit(self.owner)
        return place._replace(netloc=f"{login}:{password}@{place.hostname}:{place.port or 5432}").geturl()


_ROLES = ("writer", "reader")


def forget(server: PostgresServer, root: Path) -> None:
    """Drop what a demo made on a server that goes on running."""
    path = root / _FILE
    if not path.exists():
        return
    made = json.loads(path.read_text(encoding="utf-8"))
    server.drop(made["database"])
    for role in made["roles"]:
        server.execute(f"DROP ROLE IF EXISTS {role}")
    path.unlink()
