"""`shipslog migrate` on a new database: schema and logins, by options and by the variables of the chart's Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.postgres import PostgresServer
    from tests.integration.cli.shell import Shell

NAME = "voyage"
WRITER, READER = "voyage_writer", "voyage_reader"


@pytest.fixture
def owner(postgres: PostgresServer) -> Iterator[str]:
    """URL of a new database's owner; the logins do not exist."""
    yield postgres.create_database(NAME)
    postgres.drop(NAME)
    postgres.execute(f"DROP ROLE IF EXISTS {WRITER}; DROP ROLE IF EXISTS {READER}")


def test_one_command_makes_schema_and_logins(shell: Shell, postgres: PostgresServer, owner: str) -> None:
    """What it did is in its answer; again, it does nothing; the writer passes the doctor, the reader reads."""
    writer, reader = postgres.dsn(NAME, WRITER), postgres.dsn(NAME, READER)
    urls = {"SHIPSLOG_CLI_WRITER_URL": writer, "SHIPSLOG_CLI_READER_URL": reader}

    first = shell("migrate", "-o", "json", SHIPSLOG_DATABASE_URL=owner, **urls)
    second = shell("migrate", SHIPSLOG_DATABASE_URL=owner, **urls)

    assert first.code == 0, first.err
    assert first.json["before"] == ""
    assert first.json["logins"] == {"audit_writer": "created", "audit_reader": "created"}
    assert second.code == 0, second.err
    [titles, row] = second.out.splitlines()
    assert titles.split() == ["BEFORE", "AFTER", "NEWEST", "WRITER", "READER"]
    assert row.split()[3:] == ["unchanged", "unchanged"]
    assert postgres.password not in first.out + first.err + second.out + second.err
    doctor = shell("doctor", "database", "-o", "json", SHIPSLOG_DATABASE_URL=writer)
    assert [one["status"] for one in doctor.json] == ["ok", "ok"]
    assert shell("audit", "tail", "-o", "json", SHIPSLOG_DATABASE_URL=reader).json == []


def test_a_check_makes_no_login(shell: Shell, postgres: PostgresServer, owner: str) -> None:
    """It changes nothing at all."""
    assert shell("migrate", SHIPSLOG_DATABASE_URL=owner).code == 0

    said = shell("migrate", "--check", "--writer-url", postgres.dsn(NAME, WRITER), SHIPSLOG_DATABASE_URL=owner)

    assert said.code == 0
    assert WRITER not in postgres.execute("SELECT rolname FROM pg_roles").split()


def test_a_login_with_another_password_ends_it_with_a_remedy(
    shell: Shell, postgres: PostgresServer, owner: str
) -> None:
    """One line, an exit code, and neither password."""
    postgres.execute(f"CREATE ROLE {WRITER} LOGIN PASSWORD 'the-old-one'")

    said = shell("migrate", "--writer-url", postgres.dsn(NAME, WRITER), SHIPSLOG_DATABASE_URL=owner)

    assert said.code != 0
    [line] = said.err.splitlines()
    assert line.startswith(f"error: login {WRITER} exists, but PostgreSQL at ")
    assert f"ALTER ROLE \"{WRITER}\" LOGIN PASSWORD '...'" in line
    assert postgres.password not in line
