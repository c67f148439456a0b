"""Replicas that belong to an autoscaler: not written, not compared, once the workload exists.

A HorizontalPodAutoscaler that targets a workload owns its `spec.replicas`, whoever made it: Git, a person, or KEDA for
a ScaledObject. A VerticalPodAutoscaler changes Pods, never the workload's template: there is nothing to leave to it,
but for the fields of a Pod that Git declares and that its managers hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.errors import ShipslogError
from controller.model.ignore import IgnoreDifference
from controller.model.objects import group_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from controller.model.base import Json
    from controller.model.manifest import Manifest
    from controller.ports import Cluster
    from controller.reconcile.rooms import Memory

UNREADABLE = frozenset({"KindUnknown", "Forbidden"})
"""Why autoscalers can't be listed, however often it is tried: those of Git are known all the same."""
VPA = ("vpa-updater", "vpa-admission-controller", "vpa-recommender")
AUTOSCALERS_AGAIN = 60.0
"""Seconds until it is looked at again whether an autoscaler still is there: nobody watches those of others."""
_AUTOSCALER = "HorizontalPodAutoscaler"


async def scaled(
    asked: Sequence[Manifest], wished: Iterable[Manifest], cluster: Cluster, memory: Memory
) -> list[Manifest]:
    """The manifests with what is an autoscaler's marked as ignored; `memory.notes` says so in plain words.

    Raises what keeps the server from saying which autoscalers there are: without them, Git's replicas would be wrong.
    """
    wished = list(wished)
    for name in memory.notes.keys() - {str(wish.id) for wish in wished}:
        del memory.notes[name]
    places = {manifest.id.namespace for manifest in asked if _replicas(manifest)}
    owners = {
        name: found for place in sorted(places) for name, found in (await _targets(place, wished, cluster)).items()
    }
    marked = [_left(manifest, owners) for manifest in asked]
    for manifest in asked:
        owner = owners.get((manifest.id.namespace, manifest.id.group_kind.group, manifest.id.kind, manifest.id.name))
        if owner and _replicas(manifest):
            memory.notes[str(manifest.id)] = f"{manifest.id}: spec.replicas is left to {_AUTOSCALER} {owner}"
        else:
            memory.notes.pop(str(manifest.id), None)
    return marked


_Targets = dict[tuple[str, str, str, str], str]


async def _targets(namespace: str, wished: Iterable[Manifest], cluster: Cluster) -> _Targets:
    """The workloads of a namespace that an autoscaler targets, by namespace, group, kind and name."""
    bodies = [wish.body for wish in wished if wish.id.kind == _AUTOSCALER and wish.id.namespace == namespace]
    try:
        bodies += await cluster.list("autoscaling/v2", _AUTOSCALER, namespace=namespace)
    except ShipslogError as error:
        if error.cause not in UNREADABLE:
            raise
    found: _Targets = {}
    for body in bodies:
        target = _reference(body)
        key = namespace, group_of(str(target.get("apiVersion", ""))), str(target.get("kind")), str(target.get("name"))
        found.setdefault(key, body["metadata"]["name"])
    return found


def _reference(body: Json) -> Mapping[str, object]:
    spec = body.get("spec")
    found = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
    return found if isinstance(found, dict) else {}


def _left(manifest: Manifest, owners: _Targets) -> Manifest:
    id_ = manifest.id
    rules = []
    if _replicas(manifest) and (id_.namespace, id_.group, id_.kind, id_.name) in owners:
        rules.append(IgnoreDifference(group=id_.group, kind=id_.kind, json_pointers=("/spec/replicas",)))
    if id_.kind == "Pod" and not id_.group:
        rules.append(IgnoreDifference(kind="Pod", managed_fields_managers=VPA))
    return msgspec.structs.replace(manifest, ignored=(*manifest.ignored, *rules)) if rules else manifest


def _replicas(manifest: Manifest) -> bool:
    spec = manifest.body.get("spec")
    return isinstance(spec, dict) and "replicas" in spec
