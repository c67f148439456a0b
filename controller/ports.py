"""What the stages ask of the world: Protocols, implemented at the edges and wired in `app/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from controller.model.base import Json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from controller.model.drift import Drift
    from controller.model.event import Draft, Event
    from controller.model.objects import GroupKind, Key, ObjectId


class Resource(msgspec.Struct, frozen=True):
    """How the API serves a kind. `plural` is the path's last part; `verbs` as discovery gives them."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()


class WatchEvent(msgspec.Struct, frozen=True):
    """One step of a watch.

    `restarted`: everything is listed anew from here on; what is not named before `synced` is gone. The first listing
    of a watch is not announced. `synced`: the listing is complete, live changes follow. Neither has a body.
    """

    kind: Literal["restarted", "added", "modified", "deleted", "synced"]
    body: Json = {}


class Cluster(Protocol):
    """One Kubernetes API server. All methods raise the `controller.kube.errors` tree (fates of controller.errors)."""

    @property
    def name(self) -> str:
        """Name of the Cluster, or `in-cluster`."""
        ...

    async def version(self) -> str:
        """The server's git version, as in `v1.36.3`."""
        ...

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """How the kind is served; asks the server again once before it answers None (unknown kind)."""
        ...

    async def resources(self) -> Sequence[Resource]:
        """Every kind the server serves, in its preferred version, that can be listed and watched."""
        ...

    async def api_versions(self) -> Sequence[str]:
        """Everything served, as charts ask for it: each `group/version` and `group/version/Kind`, sorted."""
        ...

    def forget(self, kind: GroupKind | None = None) -> None:
        """Forget what discovery said (a CRD changed); None forgets all."""
        ...

    async def get(self, object_id: ObjectId, api_version: str) -> Json | None:
        """The live object, or None when it does not exist (or its kind is unknown)."""
        ...

    async def list(self, api_version: str, kind: str, *, namespace: str = "", selector: str = "") -> Sequence[Json]:
        """All objects of a kind (pages followed), each with apiVersion and kind filled in."""
        ...

    async def apply(self, body: Json, *, dry_run: bool = False, force: bool = True, manager: str = "shipslog") -> Json:
        """Server-side apply (KEP-555); `force` takes conflicting fields over. Gives the server's answer."""
        ...

    async def create(self, body: Json, *, dry_run: bool = False) -> Json:
        """Create the object; raises Conflict where it exists."""
        ...

    async def delete(
        self,
        object_id: ObjectId,
        api_version: str,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> bool:
        """Ask for deletion, of that uid and version only where they are given; False when it was gone already."""
        ...

    async def merge(self, object_id: ObjectId, api_version: str, patch: Json, *, subresource: str = "") -> Json:
        """JSON merge patch (RFC 7386), of a subresource such as `status` where one is named."""
        ...

    def watch(
        self, api_version: str, kind: str, *, selector: str = "", metadata_only: bool = False, namespace: str = ""
    ) -> AsyncGenerator[WatchEvent]:
        """Watch a kind for ever: a streaming list first (KEP-3157), then changes; resumes and relists by itself.

        `metadata_only` asks for PartialObjectMetadata, whose body still carries managedFields and the real
        apiVersion and kind. Raises only what can't pass: kind unknown, forbidden.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Ledger(Protocol):
    """Where events become durable, and are asked for again."""

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Number the events and make them durable: on return they survive `kill -9` and a power cut.

        Raises `controller.record.errors.SpoolError` (Transient) when that can't be promised.
        """
        ...

    def open_drifts(self, application: Key, cluster: str) -> Sequence[Drift]:
        """The drifts of an Application whose detection was recorded and whose end was not, as far as is remembered."""
        ...
