"""Decisions of people, as an auditor looks for them: by object, and by who decided."""

from __future__ import annotations

import json

from controller.model.event import EventType
from controller.model.labels import DECLINE_ANNOTATION
from controller.model.run import Trigger
from tests.unit.reconcile.harbour import Harbour, config


async def test_a_declined_heal_is_found_by_its_object() -> None:
    """Whoever asks what became of an object hears of the decision, too."""
    harbour = Harbour(config())
    await harbour.look()
    decline = {"object": "ConfigMap shop/settings", "by": "jane", "reason": "incident 42", "at": "2026-01-01T00:00:00Z"}
    harbour.change(annotations={DECLINE_ANNOTATION: json.dumps([decline])})
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})

    await harbour.look(Trigger.DRIFT)

    (declined,) = harbour.ledger.of(EventType.DRIFT_DECLINED)
    assert (declined.target.object, declined.actor.name) == ("ConfigMap shop/settings", "jane")
