"""Rollouts that are stuck: on their way, and saying the same for longer than they may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from controller.model.duration import seconds
from controller.model.health import Health, HealthStatus
from controller.model.labels import PROGRESS_ANNOTATION

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.objects import ObjectId

STUCK = 600.0
"""Seconds without progress after which a rollout has failed (Kubernetes' own default for a Deployment)."""
ROLLOUTS = frozenset({"StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "ReplicationController"})
"""Kinds whose controller has no deadline of its own; other kinds have one by the annotation alone."""


class _Standing(msgspec.Struct):
    message: str
    since: float
    deadline: float

    def late(self, now: float) -> bool:
        return now - self.since > self.deadline

    def verdict(self) -> Health:
        return Health(HealthStatus.DEGRADED, f"No progress for more than {self.deadline:g} s: {self.message}")


class Progress:
    """Since when each object on its way says what it says. Another message is progress."""

    def __init__(self) -> None:
        self._standing: dict[ObjectId, _Standing] = {}

    def judge(self, id_: ObjectId, body: Json, health: Health, now: float | None = None) -> Health:
        """The verdict on an object as it is seen now: failed where it is stuck."""
        now = time.monotonic() if now is None else now
        deadline = _deadline(body, id_)
        if health.status is not HealthStatus.PROGRESSING or body["metadata"].get("deletionTimestamp") or not deadline:
            self.forget(id_)
            return health
        known = self._standing.get(id_)
        if known is None or known.message != health.message:
            known = self._standing[id_] = _Standing(health.message, now, deadline)
        known.deadline = deadline
        return known.verdict() if known.late(now) else health

    def late(self, now: float | None = None) -> dict[ObjectId, Health]:
        """Every object that is stuck by now, with its verdict."""
        now = time.monotonic() if now is None else now
        return {id_: known.verdict() for id_, known in self._standing.items() if known.late(now)}

    def forget(self, id_: ObjectId) -> None:
        """The object is gone, or has arrived."""
        self._standing.pop(id_, None)


def _deadline(body: Json, id_: ObjectId) -> float:
    """Seconds that an object may stand without progress; 0: for ever."""
    given = (body["metadata"].get("annotations") or {}).get(PROGRESS_ANNOTATION, "")
    try:
        return seconds(given) if given else STUCK * (str(id_.group_kind) in ROLLOUTS)
    except ValueError:
        return STUCK
