"""The ledger: events, roles, triggers, partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.record.migrate import read_script

if TYPE_CHECKING:
    from collections.abc import Callable

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_UP = read_script(__file__, "0001_ledger.sql")
_DOWN = read_script(__file__, "0001_ledger.down.sql")


def upgrade(run: Callable[[str], None]) -> None:
    run(_UP)


def downgrade(run: Callable[[str], None]) -> None:
    run(_DOWN)
