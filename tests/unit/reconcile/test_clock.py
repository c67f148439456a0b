"""A clock that jumps between two looks: what stands stays, what is wanted is applied."""

from __future__ import annotations

import pytest

from controller.model.run import Trigger
from tests.unit.reconcile.harbour import Harbour, config


@pytest.mark.parametrize("jump", [-86400.0 * 400, 86400.0 * 3650, -1.0])
async def test_a_jump_neither_fails_a_run_nor_begins_one(jump: float) -> None:
    """The next look finds nothing to do; the next commit is applied, and both runs succeeded."""
    harbour = Harbour(config("settings"))
    await harbour.look()
    harbour.time += jump

    await harbour.look(Trigger.INTERVAL)
    assert len(harbour.status["history"]) == 1
    harbour.shelf.objects = [config("settings", x="2")]
    await harbour.look(Trigger.REVISION)

    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "2"}  # type: ignore[index]
    assert [run["phase"] for run in harbour.status["history"]] == ["Succeeded", "Succeeded"]
