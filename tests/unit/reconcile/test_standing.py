"""The health of what stands, as the watches tell it."""

from __future__ import annotations

from typing import Any

import pytest

from controller.model.application import InventoryEntry
from controller.model.health import Health, HealthStatus
from controller.model.live import LiveView
from controller.model.objects import GroupKind, ObjectId
from controller.reconcile.standing import health_of

SEEN = ObjectId("", "ConfigMap", "ns", "seen")


class Lookout:
    """One ConfigMap was seen; of Services all is known, Pods can't be watched."""

    def __init__(self, status: HealthStatus = HealthStatus.HEALTHY) -> None:
        self.status = status

    def view(self, id_: ObjectId) -> LiveView | None:
        """The one."""
        return LiveView(SEEN, "u", "o", "f", "1", Health(self.status, "so it is"), 0.0) if id_ == SEEN else None

    def watched(self, kind: GroupKind) -> bool:
        """Services alone."""
        return kind == GroupKind("", "Service")

    def refused(self, kind: GroupKind) -> str:
        """Pods."""
        return "a role must allow it" if kind == GroupKind("", "Pod") else ""


def _health(*objects: tuple[str, str], **status: Any) -> Health:
    entries = [InventoryEntry(group="", version="v1", kind=kind, namespace="ns", name=name) for kind, name in objects]
    return health_of(Lookout(**status), entries)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("Service", HealthStatus.MISSING, "Service ns/gone: it does not exist"),
        ("Secret", HealthStatus.PROGRESSING, "Secret ns/gone: it was not seen yet"),
        ("Pod", HealthStatus.UNKNOWN, "Pod ns/gone: it can't be watched: a role must allow it"),
    ],
)
def test_what_is_not_seen_is_never_healthy(kind: str, status: HealthStatus, said: str) -> None:
    """It is missing only where the watch would have told; beside it, what is healthy does not count."""
    found = _health(("ConfigMap", "seen"), (kind, "gone"))

    assert (found.status, found.message) == (status, said)


def test_the_worst_counts_and_is_named() -> None:
    """Three of them by name, the others by number."""
    found = _health(("ConfigMap", "seen"), *(("Service", f"gone-{number}") for number in range(5)))

    assert found.status is HealthStatus.MISSING
    assert "Service ns/gone-0" in found.message
    assert found.message.endswith(" and 2 more")
    assert "seen" not in found.message


def test_all_healthy_says_how_many() -> None:
    """Nothing needs a name."""
    assert _health(("ConfigMap", "seen")) == Health(HealthStatus.HEALTHY, "1 object")
