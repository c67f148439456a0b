"""Where an object of the inventory stands: also when the version it was written in is not served any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.objects import GroupKind, group_of

if TYPE_CHECKING:
    from controller.model.application import InventoryEntry
    from controller.model.base import Json
    from controller.ports import Cluster


async def whereabouts(cluster: Cluster, entry: InventoryEntry) -> tuple[Json | None, str]:
    """The live object, and the version to ask for it in; None when it does not exist in any version."""
    if await cluster.resource(entry.api_version, entry.kind) is None:
        # A definition may serve another version by now: the object is the same one.
        for resource in await cluster.resources():
            if GroupKind(group_of(resource.api_version), resource.kind) == entry.id.group_kind:
                return await cluster.get(entry.id, resource.api_version), resource.api_version
    return await cluster.get(entry.id, entry.api_version), entry.api_version
