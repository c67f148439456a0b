"""`shipslog migrate`."""

from __future__ import annotations

import asyncio

import click

from controller.cli import options, output
from controller.cli.table import Table
from controller.record import migrate


@click.command("migrate")
@options.option("--check", is_flag=True, default=False, help="Change nothing; exit with 1 when it is not up to date.")
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
    there already keeps its password.
    """
    dsn = options.required(database_url)
    before, after, newest = asyncio.run(_migrate(dsn, check=check))
    if not check:
        asyncio.run(_admit(dsn, writer_url, reader_url))
    answer = {"before": before, "after": after, "newest": newest}
    output.emit(
        form, answer, lambda: Table(("Before", "After", "Newest"), [(before or "none", after or "none", newest)])
    )
    return 0 if after == newest else 1


async def _migrate(dsn: str, *, check: bool) -> tuple[str, str, str]:
    before = await migrate.current(dsn)
    newest = await asyncio.to_thread(migrate.newest)
    return before, before if check else await migrate.upgrade(dsn), newest


async def _admit(dsn: str, writer_url: str, reader_url: str) -> None:
    if writer_url:
        await migrate.admit(dsn, writer_url, "audit_writer")
    if reader_url:
        await migrate.admit(dsn, reader_url, "audit_reader")
