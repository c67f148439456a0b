"""The tree below an Application's objects, by ownerReferences, down to Pods: read on demand, never watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from controller.errors import ShipslogError
from controller.model.base import Json
from controller.model.health import Health, HealthStatus, worst
from controller.model.objects import ObjectId, group_of, object_id
from controller.observe.health import BUILT_IN

if TYPE_CHECKING:
    from controller.model.application import InventoryEntry
    from controller.ports import Cluster, Resource

IN_FLIGHT = 10
"""Requests under way at once."""
CHILDREN = frozenset(
    {
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("apps", "Deployment"),
        ("apps", "DaemonSet"),
        ("batch", "Job"),
        ("batch", "CronJob"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("", "Pod"),
        ("", "PersistentVolumeClaim"),
        ("", "ReplicationController"),
        ("", "Service"),
    }
)
"""Built-in kinds that others own and that say something; all kinds that are not built in may be children, too."""
DEEPEST = 16
"""Levels; ownerReferences can lie, and must not lead in a circle."""


Judge: TypeAlias = Callable[[Json], Awaitable[Health]]
"""Gives the verdict on a live object."""


class Node(msgspec.Struct, rename="camel"):
    """One object with its own health, and those below it."""

    id: ObjectId
    api_version: str
    health: Health
    children: tuple[Node, ...] = ()

    @property
    def worst(self) -> Health:
        """The worst verdict of the object and all below it."""
        return worst([self.health, *(child.worst for child in self.children)])


class Tree(msgspec.Struct):
    """The objects of an Application with all below them, and what could not be read."""

    nodes: tuple[Node, ...]
    unread: tuple[str, ...] = ()


async def tree(cluster: Cluster, entries: Sequence[InventoryEntry], judge: Judge) -> Tree:
    """Read the objects and whatever they own, with the rights of who asks; what may not be read is said."""
    gate, unread = asyncio.Semaphore(IN_FLIGHT), set[str]()

    async def root(entry: InventoryEntry) -> tuple[InventoryEntry, Json | None]:
        async with gate:
            try:
                return entry, await cluster.get(entry.id, entry.api_version)
            except ShipslogError as error:
                unread.add(str(error))
                return entry, None

    async def listed(resource: Resource, namespace: str) -> Sequence[Json]:
        async with gate:
            try:
                return await cluster.list(resource.api_version, resource.kind, namespace=namespace)
            except ShipslogError as error:
                unread.add(str(error))
                return ()

    roots = await asyncio.gather(*(root(entry) for entry in entries))
    kinds = [resource for resource in await cluster.resources() if resource.namespaced and _may_be_child(resource)]
    places = sorted({entry.namespace for entry in entries if entry.namespace})
    found = await asyncio.gather(*(listed(resource, place) for resource in kinds for place in places))
    below = _by_owner(body for bodies in found for body in bodies)
    nodes = [await _root(entry, body, below, judge) for entry, body in roots]
    return Tree(tuple(nodes), tuple(sorted(unread)))


def _may_be_child(resource: Resource) -> bool:
    group = group_of(resource.api_version)
    return (group, resource.kind) in CHILDREN or group not in BUILT_IN


def _by_owner(bodies: Iterable[Json]) -> dict[str, list[Json]]:
    below: dict[str, list[Json]] = {}
    for body in bodies:
        owners = body["metadata"].get("ownerReferences") or ()
        # Of several owners the controller is the parent: each object stands in the tree once.
        parent = next((owner for owner in owners if owner.get("controller")), owners[0] if owners else None)
        if parent:
            below.setdefault(parent["uid"], []).append(body)
    return below


async def _root(entry: InventoryEntry, body: Json | None, below: dict[str, list[Json]], judge: Judge) -> Node:
    if body is None:
        return Node(entry.id, entry.api_version, Health(HealthStatus.MISSING, "It does not exist, or can't be read."))
    return await _node(body, below, 0, judge)


async def _node(body: Json, below: dict[str, list[Json]], depth: int, judge: Judge) -> Node:
    found = below.get(body["metadata"]["uid"], []) if depth < DEEPEST else []
    children = [await _node(child, below, depth + 1, judge) for child in found]
    return Node(
        object_id(body), body["apiVersion"], await judge(body), tuple(sorted(children, key=lambda node: node.id))
    )
