"""For the alembic command: `alembic upgrade head`, with the database in SHIPSLOG_DATABASE_URL.

`alembic upgrade head --sql` prints the statements for who wants to run them by hand. The product itself migrates
through `controller.record.migrate.upgrade`, which needs no working directory.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from alembic import context
from controller.record import migrate

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def work(connection: Connection) -> None:
    with connection.begin():
        migrate.prepare(connection)
        context.configure(connection, **migrate.VERSION)
        context.run_migrations(run=partial(migrate.run_script, connection))


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", **migrate.VERSION)
    with context.begin_transaction():
        write = context.get_context().impl.static_output
        write(f"CREATE SCHEMA IF NOT EXISTS {migrate.SCHEMA};")
        context.run_migrations(run=write)
else:
    asyncio.run(migrate.online(os.environ["SHIPSLOG_DATABASE_URL"], work))
