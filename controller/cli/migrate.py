"""`shipslog migrate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from controller.cli import options, output
from controller.cli.table import Table
from controller.record import logins, migrate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.record.logins import Change, Group


@click.command("migrate")
@options.option(
    "--check",
    is_flag=True,
    default=False,
    help="Change nothing, look at no login; exit with 1 when the schema is not up to date.",
)
@options.output()
@options.option(
    "--writer-url", default="", help="The controller's URL: its login is created if need be, and may insert."
)
@options.option("--reader-url", default="", help="An auditor's URL: its login is created if need be, and may read.")
@options.database_url
def command(check: bool, form: output.Format, writer_url: str, reader_url: str, database_url: str) -> int:
    """Bring the ledger's schema up to date, and let its logins in.

    The login of --database-url must be able to create roles and schemas: it is not the controller's own, which may
    only insert. Waits for a migration that runs already; does nothing when there is nothing to do. A login that is
    there already keeps its password, which must be the one in its URL, and gets the right that it lacks.
    """
    dsn = options.required(database_url)
    urls: dict[Group, str] = {
        "audit_writer": _url("--writer-url", writer_url),
        "audit_reader": _url("--reader-url", reader_url),
    }
    before, after, newest = asyncio.run(_migrate(dsn, check=check))
    admitted = {} if check else asyncio.run(_admit(dsn, urls))
    answer = {"before": before, "after": after, "newest": newest, "logins": admitted}
    output.emit(form, answer, lambda: _table(before or "none", after or "none", newest, admitted))
    return 0 if after == newest else 1


def _url(option: str, given: str) -> str:
    try:
        return options.checked(given)
    except click.UsageError as error:
        raise click.UsageError(f"{option}: {error.message}") from None


async def _migrate(dsn: str, *, check: bool) -> tuple[str, str, str]:
    before = await migrate.current(dsn)
    newest = await asyncio.to_thread(migrate.newest)
    return before, before if check else await migrate.upgrade(dsn), newest


async def _admit(dsn: str, urls: Mapping[Group, str]) -> dict[Group, Change]:
    """What was done about the login of each group that has a URL."""
    return {group: await logins.admit(dsn, url, group) for group, url in urls.items() if url}


def _table(before: str, after: str, newest: str, admitted: Mapping[Group, Change]) -> Table:
    titles = ("Before", "After", "Newest", *(group.removeprefix("audit_").capitalize() for group in admitted))
    return Table(titles, [(before, after, newest, *admitted.values())])
