"""The ledger's logins: made where they are missing, and let in, by the URLs that name them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from sqlalchemy import text

from controller.record.dsn import place, translated
from controller.record.errors import LedgerError
from controller.record.migrate import CONNECT_TIMEOUT, lock, online

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Group: TypeAlias = Literal["audit_writer", "audit_reader"]
"""What a login may be: one that only inserts events, or one that only reads them."""
Change: TypeAlias = Literal["created", "granted", "unchanged"]

_SCRAM_ROUNDS = 4096


async def admit(dsn: str, url: str, group: Group) -> Change:
    """Let the login that a URL names use the ledger as a group role; what had to be done for that.

    A login that isn't there is created with the URL's password, of which only a SCRAM verifier is sent, so that it
    reaches no log of the server. One that is there keeps its own, since roles belong to the whole server and others may
    use it: when the URL's password is another one, that is an error and nothing is done. Raises LedgerError, also for a
    URL without a login and for rights that `dsn` lacks, and LedgerUnreachable.
    """
    login = _Login.of(url, group)
    known = await online(dsn, login.is_known)
    if known and login.password:
        await login.log_in()
    return await online(dsn, login.let_in, rights=f"have an administrator run: {login.statement(known=known)}")


@dataclass(frozen=True)
class _Login:
    url: str = field(repr=False)
    group: Group
    name: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str, group: Group) -> _Login:
        """The login of a URL, which may say it in its query as well (libpq's connection URIs)."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        name = unquote(parts.username or "") or query.get("user", "")
        if parts.scheme not in {"postgresql", "postgres"} or not name:
            raise LedgerError(f"the URL for {group} names no login", remedy="use postgresql://user:password@host/db")
        return cls(url, group, name, unquote(parts.password or "") or query.get("password", ""))

    def is_known(self, connection: Connection) -> bool:
        """Whether the server has it."""
        return self._is_member(connection) is not None

    async def log_in(self) -> None:
        """Try it, as whoever is to use it would."""
        where = place(self.url)
        with translated(where, f"have an administrator run: GRANT CONNECT ON DATABASE ... TO {_quoted(self.name)}"):
            try:
                connection = await asyncpg.connect(self.url, timeout=CONNECT_TIMEOUT)
            except asyncpg.InvalidAuthorizationSpecificationError as error:
                raise LedgerError(
                    f"login {self.name} exists, but PostgreSQL at {where} does not let it in by its URL: {error}",
                    remedy="correct the password in the URL for "
                    f"{self.group}, or have an administrator run: ALTER ROLE {_quoted(self.name)} LOGIN PASSWORD '...'",
                ) from error
            await connection.close()

    def let_in(self, connection: Connection) -> Change:
        """Do what is missing, all or nothing."""
        lock(connection)
        member = self._is_member(connection)
        if member:
            return "unchanged"
        name = _quoted(self.name)
        if member is None:
            # Statements on roles take no parameters; a verifier is base64 and punctuation without quotes.
            verifier = f" PASSWORD '{_scram(self.name, self.password)}'" if self.password else ""
            connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN INHERIT{verifier}")
        # From 16 on a membership has an option of its own, which one that was granted before may lack.
        inherit = " WITH INHERIT TRUE" if (connection.dialect.server_version_info or ()) >= (16,) else ""
        connection.exec_driver_sql(f"GRANT {self.group} TO {name}{inherit}")
        if not self._is_member(connection):
            raise LedgerError(
                f"login {self.name} does not inherit the rights of its groups",
                remedy=f"have an administrator run: ALTER ROLE {name} INHERIT",
            )
        connection.commit()
        return "created" if member is None else "granted"

    def statement(self, *, known: bool) -> str:
        """What does the same by hand."""
        if known:
            return f"GRANT {self.group} TO {_quoted(self.name)}"
        return f"CREATE ROLE {_quoted(self.name)} LOGIN PASSWORD '...' IN ROLE {self.group}"

    def _is_member(self, connection: Connection) -> bool | None:
        """Whether it has the group's rights without further ado; None where there is no such login."""
        question = text("SELECT pg_has_role(rolname, :group, 'USAGE') FROM pg_roles WHERE rolname = :name")
        found: bool | None = connection.scalar(question, {"name": self.name, "group": self.group})
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _scram(name: str, password: str) -> str:
    """What PostgreSQL stores for a password (RFC 5803, SCRAM-SHA-256)."""
    if _is_ambiguous(password):
        raise LedgerError(
            f"the password of login {name} has characters that can be written in several ways", remedy="use ASCII"
        )
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{parts[0]}${parts[1]}:{parts[2]}"


def _is_ambiguous(password: str) -> bool:
    """Whether a client might send it in another form (SASLprep, RFC 4013): such a login could never log in."""
    return not unicodedata.is_normalized("NFKC", password) or any(
        stringprep.in_table_b1(character) or stringprep.in_table_c12(character) for character in password
    )
