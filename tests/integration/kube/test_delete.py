"""Deleting, and what isn't there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.kube.errors import Conflict
from controller.model.objects import ObjectId
from tests.integration.kube.objects import config_map, config_map_id

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster


async def test_an_object_is_deleted_once(cluster: ApiCluster, namespace: str) -> None:
    """The first deletion is true, the second finds nothing."""
    live = await cluster.apply(config_map(namespace))

    assert await cluster.delete(config_map_id(namespace), "v1", uid=live["metadata"]["uid"])
    assert await cluster.get(config_map_id(namespace), "v1") is None
    assert not await cluster.delete(config_map_id(namespace), "v1")


async def test_an_object_that_took_the_name_meanwhile_is_not_deleted(cluster: ApiCluster, namespace: str) -> None:
    """With another's uid the deletion is refused and the object stays."""
    await cluster.apply(config_map(namespace))

    with pytest.raises(Conflict):
        await cluster.delete(config_map_id(namespace), "v1", uid="b2a8f9c4-0000-4000-8000-000000000000")

    assert await cluster.get(config_map_id(namespace), "v1") is not None


async def test_an_unknown_kind_has_no_objects(cluster: ApiCluster, namespace: str) -> None:
    """Neither getting nor deleting one of a kind that isn't served is an error."""
    wanted = ObjectId("nowhere.example", "Ghost", namespace, "one")

    assert await cluster.get(wanted, "nowhere.example/v1") is None
    assert not await cluster.delete(wanted, "nowhere.example/v1")
