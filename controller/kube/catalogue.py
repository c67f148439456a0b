"""Catalogue: the kinds a server serves, from its discovery documents. Pure."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from controller.model.objects import GroupKind, group_of
from controller.ports import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WATCHED = frozenset({"list", "watch"})


class Catalogue:
    """Kinds by version; of a group's versions the server's preferred one comes first."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._resources: dict[tuple[str, str], Resource] = {}
        for resource in resources:
            # Where two resources share a kind (a review and its list), the first one that was named counts.
            self._resources.setdefault((resource.api_version, resource.kind), resource)

    def __len__(self) -> int:
        return len(self._resources)

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The kind in exactly this version, if it is served."""
        return self._resources.get((api_version, kind))

    def preferred(self) -> tuple[Resource, ...]:
        """Every kind once, in the first version of its group that has it, if it can be listed and watched."""
        chosen: dict[GroupKind, Resource] = {}
        for resource in self._resources.values():
            chosen.setdefault(GroupKind(group_of(resource.api_version), resource.kind), resource)
        return tuple(resource for resource in chosen.values() if resource.verbs >= _WATCHED)

    @functools.cached_property
    def api_versions(self) -> tuple[str, ...]:
        """Each group/version and group/version/Kind, sorted."""
        kinds = {f"{api_version}/{kind}" for api_version, kind in self._resources}
        return tuple(sorted(kinds | {api_version for api_version, _ in self._resources}))

    def without(self, kind: GroupKind) -> Catalogue:
        """The same without a kind in all its versions."""
        return Catalogue(
            resource
            for resource in self._resources.values()
            if GroupKind(group_of(resource.api_version), resource.kind) != kind
        )


def from_aggregated(documents: Iterable[dict[str, Any]]) -> Catalogue:
    """From APIGroupDiscoveryList documents (KEP-3352)."""
    return Catalogue(
        Resource(
            api_version=_api_version(group["metadata"].get("name", ""), version["version"]),
            kind=resource["responseKind"]["kind"],
            plural=resource["resource"],
            namespaced=resource.get("scope") == "Namespaced",
            verbs=frozenset(resource.get("verbs") or ()),
        )
        for document in documents
        for group in document.get("items") or ()
        for version in group.get("versions") or ()
        for resource in version.get("resources") or ()
        if (resource.get("responseKind") or {}).get("kind")
    )


def versions(core: Mapping[str, Any], groups: Mapping[str, Any]) -> list[str]:
    """Every group and version, preferred ones first, from APIVersions and APIGroupList."""
    found = list(core.get("versions") or ())
    for group in groups.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("groupVersion")
        served = [version["groupVersion"] for version in group.get("versions") or ()]
        found += sorted(served, key=lambda version: version != preferred)
    return found


def from_lists(lists: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """From APIResourceList documents by their group and version."""
    return Catalogue(
        Resource(
            api_version=api_version,
            kind=resource["kind"],
            plural=resource["name"],
            namespaced=bool(resource.get("namespaced")),
            verbs=frozenset(resource.get("verbs") or ()),
        )
        for api_version, document in lists.items()
        for resource in document.get("resources") or ()
        if "/" not in resource["name"]  # a subresource
    )


def _api_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
