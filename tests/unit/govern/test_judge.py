"""May it be done?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from controller.govern.judge import judge
from controller.model.application import ApplicationSpec
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId
from controller.model.plan import Action, Plan, Step

ID = ObjectId("", "ConfigMap", "ns", "a")
WISH = Manifest(ID, "v1", {}, "digest")
CREATE = Step(ID, "v1", Action.CREATE, manifest=WISH)
DRIFTED = Step(ID, "v1", Action.UPDATE, manifest=WISH, drifted=True)
PRUNE = Step(ID, "v1", Action.PRUNE)
SAME = Step(ID, "v1", Action.UNCHANGED, manifest=WISH)


def _spec(**sync: Any) -> ApplicationSpec:
    wish = {"source": {"repository": "r"}, "destination": {"namespace": "ns", "cluster": "c"}, "sync": sync}
    return msgspec.convert(wish, ApplicationSpec)


@pytest.mark.parametrize(
    ("sync", "steps", "requested", "suspended", "reason"),
    [
        ({}, [CREATE], False, False, ""),
        ({}, [], False, True, ""),
        ({}, [SAME], False, True, ""),
        ({}, [CREATE], False, True, "ClusterSuspended"),
        ({}, [CREATE], True, True, "ClusterSuspended"),
        ({"mode": "detect"}, [CREATE], True, False, "OutOfSync"),
        ({"mode": "detect"}, [DRIFTED], False, False, "Drifted"),
        ({"mode": "manual"}, [CREATE], False, False, "OutOfSync"),
        ({"mode": "manual"}, [DRIFTED], False, False, "Drifted"),
        ({"mode": "manual"}, [CREATE], True, False, ""),
        ({"selfHeal": False}, [DRIFTED], False, False, "Drifted"),
        ({"selfHeal": False}, [DRIFTED], True, False, ""),
        ({"selfHeal": False}, [DRIFTED, CREATE], False, False, ""),
        ({}, [PRUNE], False, False, "WouldEmpty"),
        ({}, [PRUNE], True, False, "WouldEmpty"),
        ({"allowEmpty": True}, [PRUNE], False, False, ""),
        ({}, [PRUNE, SAME], False, False, ""),
    ],
)
def test_each_policy_holds_what_it_should(
    sync: dict[str, Any], steps: list[Step], requested: bool, suspended: bool, reason: str
) -> None:
    """Allowed has no reason; what is held says which, and nothing to write is always allowed."""
    verdict = judge(_spec(**sync), Plan(tuple(steps)), requested=requested, suspended_cluster=suspended, inventory=1)

    assert (verdict.allowed, verdict.reason) == (reason == "", reason)
    assert verdict.refused == (reason == "WouldEmpty")


def test_the_message_names_what_would_be_done_and_the_field_that_holds_it() -> None:
    """A person reads what a sync would do, a few objects by name, and where to change that."""
    steps = [msgspec.structs.replace(CREATE, id=ObjectId("", "ConfigMap", "ns", str(number))) for number in range(5)]

    verdict = judge(_spec(mode="manual"), Plan(tuple(steps)), requested=False, suspended_cluster=False, inventory=0)

    assert "create ConfigMap ns/0" in verdict.message
    assert "and 2 more" in verdict.message
    assert "sync.mode" in verdict.message
