"""The health checks that owners have for their objects, and the objects that wait for a verdict."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from controller.model.labels import OWNER_LABEL
from controller.model.objects import object_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.model.base import Json
    from controller.model.health import Health
    from controller.model.health_check import HealthCheck
    from controller.model.objects import GroupKind, ObjectId


class Checker(Protocol):
    """Evaluates health checks (`controller.observe.checks.Evaluator`)."""

    async def health(self, check: HealthCheck, body: Json) -> Health:
        """The verdict; never raises."""
        ...

    async def fault(self, check: HealthCheck) -> str:
        """What makes the check good for no object; never raises."""
        ...


class Checklist:
    """Which check judges which kind, by owner. Without a checker no object has one."""

    def __init__(self, checker: Checker | None) -> None:
        self.changed = asyncio.Event()
        """Set when objects wait for another check than the one that judged them."""
        self._checker = checker
        self._checks: dict[str, dict[GroupKind, HealthCheck]] = {}
        self._waiting: set[ObjectId] = set()

    def assign(self, owner: str, checks: Iterable[HealthCheck]) -> set[GroupKind]:
        """The owner's objects are judged by these checks from now on; the kinds for which that is another one."""
        wanted = {check.group_kind: check for check in checks}
        known = self._checks.get(owner, {})
        if wanted == known:
            return set()
        if wanted:
            self._checks[owner] = wanted
        else:
            self._checks.pop(owner, None)
        self.changed.set()
        return {kind for kind in {*wanted, *known} if wanted.get(kind) != known.get(kind)}

    def of(self, body: Json) -> HealthCheck | None:
        """The check that its owner has for an object of this kind."""
        owner = (body["metadata"].get("labels") or {}).get(OWNER_LABEL, "")
        return self._checks[owner].get(object_id(body).group_kind) if owner in self._checks else None

    async def verdict(self, body: Json) -> Health | None:
        """The verdict on an object of the check that its owner has when it is reached; None where there is none."""
        while (check := self.of(body)) and self._checker:
            verdict = await self._checker.health(check, body)
            if self.of(body) == check:
                return verdict
        return None

    async def fault(self, check: HealthCheck) -> str:
        """What makes a check good for no object, with the expression's name; empty for nothing."""
        return await self._checker.fault(check) if self._checker else ""

    def wait(self, id_: ObjectId, *, read: bool = False) -> None:
        """The object is to be judged on what the watch tells next, or on a GET; on a GET soon, where it says `read`."""
        self._waiting.add(id_)
        if read:
            self.changed.set()

    def waits(self, id_: ObjectId) -> bool:
        """Whether the object is to be judged."""
        return id_ in self._waiting

    def settle(self, id_: ObjectId) -> None:
        """The object was judged, or is gone."""
        self._waiting.discard(id_)

    def due(self) -> list[ObjectId]:
        """All that wait now; `changed` tells of later ones."""
        self.changed.clear()
        return sorted(self._waiting)
