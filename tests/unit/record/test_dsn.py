"""Where PostgreSQL is, said without its password; and what the driver's errors mean."""

from __future__ import annotations

import asyncpg
import pytest

from controller.errors import ShipslogError, Transient, Unreachable
from controller.record.dsn import engine_url, place, translated
from controller.record.errors import EventRefused, LedgerError, LedgerUnreachable


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://writer:hush@db.example:6432/audit", "db.example:6432/audit"),
        ("postgresql://writer:hu%40sh@db.example/audit?sslmode=require", "db.example:5432/audit"),
        ("postgresql:///audit?host=/run/postgresql&password=hush", "/run/postgresql:5432/audit"),
        ("postgresql://", "localhost:5432/"),
    ],
)
def test_a_place_never_shows_the_password(dsn: str, shown: str) -> None:
    """Wherever in the URL it stands."""
    assert place(dsn) == shown


def test_another_scheme_is_refused() -> None:
    """With what to write instead."""
    with pytest.raises(LedgerError, match="use postgresql://user:password@host/db"):
        engine_url("mysql://db/audit")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ConnectionRefusedError("refused"), LedgerUnreachable),
        (TimeoutError(), LedgerUnreachable),
        (asyncpg.ConnectionDoesNotExistError("gone"), LedgerUnreachable),
        (asyncpg.CannotConnectNowError("starting up"), LedgerUnreachable),
        (asyncpg.AdminShutdownError("shutting down"), LedgerUnreachable),
        (asyncpg.TooManyConnectionsError("too many"), LedgerUnreachable),
        (asyncpg.DiskFullError("no space"), LedgerUnreachable),
        (asyncpg.InterfaceError("pool is closing"), LedgerUnreachable),
        (asyncpg.exceptions.ClientConfigurationError("bad option"), LedgerError),
        (asyncpg.InvalidPasswordError("wrong"), LedgerError),
        (asyncpg.InsufficientPrivilegeError("denied"), LedgerError),
        (asyncpg.UndefinedTableError("no table"), LedgerError),
        (asyncpg.CheckViolationError("leaf"), EventRefused),
        (asyncpg.UntranslatableCharacterError("null"), EventRefused),
    ],
)
def test_an_error_of_the_driver_becomes_a_fate(raised: Exception, expected: type[ShipslogError]) -> None:
    """Nothing of the driver passes the room's door; all may pass by themselves or by somebody's hand."""
    with pytest.raises(ShipslogError) as caught, translated("db:5432/audit"):
        raise raised

    assert type(caught.value) is expected
    assert "db:5432/audit" in caught.value.message
    assert isinstance(caught.value, Unreachable if expected is LedgerUnreachable else Transient)


def test_an_error_of_our_own_passes_unchanged() -> None:
    """Mistakes in code are not outages."""
    with pytest.raises(KeyError), translated("db"):
        raise KeyError("x")
