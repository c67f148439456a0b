"""The first voyage: from a commit to live objects, drift healed, a revert, and the log of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

pytestmark = pytest.mark.alone


def test_a_commit_becomes_live_drift_is_healed_and_a_revert_takes_it_back(
    world: World, controller: ControllerProcess
) -> None:
    """The whole story on real parts, and every step of it is in PostgreSQL."""
    worktree = world.repository()
    first = worktree.publish(shop("1.27"), "Open the shop")
    world.application("shop")
    world.await_ready("shop", revision=first)

    world.objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 7}})
    detected = world.await_event("drift.detected")
    assert detected["actor"] == {"kind": "manager", "name": "kubectl-edit"}
    assert detected["detail"]["fields"][0] | {} == {"path": "/spec/replicas", "before": 7, "after": 2, "absent": ""}
    healed = world.await_event("drift.healed", causation_id=detected["id"])
    assert healed["detail"]["stoodSeconds"] < 1.0

    second = worktree.publish(shop("1.28"), "A bad release")
    world.await_ready("shop", revision=second)
    assert _image(world) == "nginx:1.28"
    third = worktree.revert(second)
    worktree.push()
    world.await_ready("shop", revision=third)
    assert _image(world) == "nginx:1.27"

    assert controller.stop() == 0
    types = [event["type"] for event in world.ledger.events()]
    assert types.count("sync.completed") == 3
    assert types.count("apply.intent") == types.count("apply.result") == 4
    assert types[0] == "audit.started"
    assert types[-1] == "audit.stopped"


def _image(world: World) -> str:
    found = eventually(lambda: world.objects.get("apps/v1", "Deployment", "shop", "web"), "the Deployment exists")
    assert found is not None
    image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
