"""A real PostgreSQL, and a database of its own for every test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from tests.ground.identity import ProcessIdentity
from tests.ground.initdb import PostgresError
from tests.ground.postgres import PostgresServer

CHECKOUT = Path(__file__).resolve().parents[3]


def _fill(server: PostgresServer) -> None:
    def prepare(dsn: str) -> None:
        database = dsn.rpartition("/")[2]
        server.execute("CREATE TABLE log (line text); INSERT INTO log VALUES ('from the template')", database)

    server.create_template("ledger", prepare)


async def test_every_clone_is_a_database_of_its_own(postgres: PostgresServer) -> None:
    """It starts as the template is; what is written to it is in no other clone."""
    _fill(postgres)
    one, two = postgres.clone("ledger"), postgres.clone("ledger")
    first, second = await asyncpg.connect(one), await asyncpg.connect(two)
    try:
        await first.execute("INSERT INTO log VALUES ('only here')")
        assert [row["line"] for row in await first.fetch("SELECT line FROM log")] == ["from the template", "only here"]
        assert [row["line"] for row in await second.fetch("SELECT line FROM log")] == ["from the template"]
    finally:
        await first.close()
        await second.close()


async def test_a_clone_is_dropped_with_its_sessions(postgres: PostgresServer) -> None:
    """A test that forgot to close a connection holds nothing back."""
    _fill(postgres)
    dsn = postgres.clone("ledger")
    connection = await asyncpg.connect(dsn)
    postgres.drop(dsn)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(dsn)
    connection.terminate()


def test_a_template_can_be_made_again(postgres: PostgresServer) -> None:
    """As when a session starts on the data of an earlier one."""
    _fill(postgres)
    _fill(postgres)
    database = postgres.clone("ledger").rpartition("/")[2]
    assert postgres.execute("SELECT count(*) FROM log", database) == "1"


def test_its_settings_of_durability_are_postgresqls_own(postgres: PostgresServer) -> None:
    """What is committed is on disk."""
    shown = [postgres.execute(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert shown == ["on", "on", "on"]
    assert int(postgres.execute("SHOW server_version_num")) >= 180000


async def test_a_role_made_for_a_test_logs_in(postgres: PostgresServer) -> None:
    """With the rights of that role only."""
    postgres.allow_login("sailor")
    connection = await asyncpg.connect(postgres.dsn(user="sailor"))
    try:
        assert await connection.fetchval("SELECT current_user") == "sailor"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE DATABASE mine")
    finally:
        await connection.close()


async def test_nobody_gets_in_without_the_password(postgres: PostgresServer) -> None:
    """Loopback is open to every user of the machine."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn().replace(postgres.password, "guessed"))


def test_data_outlives_a_stop_and_the_second_start_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the demo that is run again."""
    monkeypatch.delenv("SHIPSLOG_TEST_DSN", raising=False)
    server = PostgresServer.start(tmp_path)
    server.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pids = server.pids.values()
    server.stop()
    assert not [pid for pid in pids if ProcessIdentity.of(pid)]
    begun = time.monotonic()
    server = PostgresServer.start(tmp_path)
    took = time.monotonic() - begun
    try:
        assert server.execute("SELECT answer FROM kept") == "42"
        assert took < 2
    finally:
        server.stop()


def test_a_refused_statement_says_why(postgres: PostgresServer) -> None:
    """The statement and the server's words."""
    with pytest.raises(PostgresError, match=r"SELECT nonsense.*nonsense.*does not exist"):
        postgres.execute("SELECT nonsense")


def test_the_users_server_is_used_instead(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started, and stopping leaves it alone."""
    monkeypatch.setenv("SHIPSLOG_TEST_DSN", postgres.dsn() + "?application_name=mine")
    given = PostgresServer.start(tmp_path)
    assert given.dsn("other") == postgres.dsn("other") + "?application_name=mine"
    given.stop()
    assert not list(tmp_path.iterdir())
    assert postgres.execute("SELECT 1") == "1"


def test_a_server_is_kept_running_by_hand(tmp_path: Path) -> None:
    """Up prints the DSN, and again the same; down ends it."""
    environment = {name: value for name, value in os.environ.items() if name != "SHIPSLOG_TEST_DSN"}

    def command(name: str) -> str:
        argv = [sys.executable, "-m", "tests.ground.postgres", name, "--root", str(tmp_path)]
        done = subprocess.run(
            argv, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    try:
        dsn = command("up")
        assert dsn.startswith("postgresql://postgres:")
        assert command("up") == dsn
    finally:
        command("down")
    assert PostgresServer.attach(tmp_path) is None
