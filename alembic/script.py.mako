"""${message}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.record.migrate import read_script

if TYPE_CHECKING:
    from collections.abc import Callable

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

_UP = read_script(__file__, "${up_revision}_NAME.sql")
_DOWN = read_script(__file__, "${up_revision}_NAME.down.sql")


def upgrade(run: Callable[[str], None]) -> None:
    run(_UP)


def downgrade(run: Callable[[str], None]) -> None:
    run(_DOWN)
