"""What is said of a drift, for people."""

from __future__ import annotations

import pytest

from controller.model.amount import amount
from controller.model.drift import Change, Drift
from controller.model.objects import ObjectId
from controller.model.plan import Action, Step
from controller.reconcile.drifting import lasted, sentence

SETTINGS = ObjectId("", "ConfigMap", "shop", "settings")


@pytest.mark.parametrize(
    ("change", "fields", "manager", "begun", "ended"),
    [
        (
            "changed",
            ("/data/currency",),
            "kubectl-edit",
            "ConfigMap shop/settings was changed at /data/currency by kubectl-edit",
            "ConfigMap shop/settings differed from Git for 0.500 s",
        ),
        (
            "removed",
            ("/data/currency",),
            "",
            "ConfigMap shop/settings has lost /data/currency",
            "ConfigMap shop/settings differed from Git for 0.500 s",
        ),
        ("deleted", (), "", "ConfigMap shop/settings was deleted", "ConfigMap shop/settings was missing for 0.500 s"),
    ],
)
def test_a_drift_is_told_in_a_sentence(
    change: Change, fields: tuple[str, ...], manager: str, begun: str, ended: str
) -> None:
    """One for its beginning, one for its end."""
    drift = Drift(id="1", object=str(SETTINGS), change=change, fields=fields, manager=manager)

    assert sentence(drift, Step(id=SETTINGS, api_version="v1", action=Action.UPDATE)) == begun
    assert lasted(drift, 0.5) == ended


def test_one_is_not_many() -> None:
    """1 object, 2 objects, 0 objects."""
    assert [amount(number, "object") for number in (0, 1, 2)] == ["0 objects", "1 object", "2 objects"]
