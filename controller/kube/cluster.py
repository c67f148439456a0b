"""ApiCluster: one Kubernetes API server (`controller.ports.Cluster`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.kube.discovery import Discovery
from controller.kube.errors import ApiError, Gone, KindUnknown, NotFound
from controller.kube.payload import encode, encode_apply
from controller.kube.request import JSON, Request, identity, is_secret, namespace_of, path_of, target
from controller.kube.transport import Transport
from controller.kube.watch import Wanted, Watch
from controller.model.labels import MANAGER
from controller.model.objects import GroupKind, group_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, MutableSequence, Sequence

    from controller.kube.access import Access
    from controller.model.base import Json
    from controller.model.objects import ObjectId
    from controller.ports import Resource, WatchEvent

PAGE = 500
"""Objects per page of a list."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


def open_cluster(
    name: str,
    access: Access,
    max_requests: int = 50,
    on_request: Callable[[str, int, float], None] | None = None,
    on_flight: Callable[[int], None] | None = None,
    on_limit: Callable[[int], None] | None = None,
) -> ApiCluster:
    """A cluster that connects when it is first asked; needs a running event loop, and `close` at the end.

    `on_request(verb, status, seconds)` is called after every request; status 0 stands for no answer.
    `on_flight(count)` is told how many are under way, watches not counted, whenever that changes, and
    `on_limit(count)` how many may be: fewer than `max_requests` while the server has too much to do.
    """
    transport = Transport(
        name, access, max_requests=max_requests, on_request=on_request, on_flight=on_flight, on_limit=on_limit
    )
    return ApiCluster(transport)


class ApiCluster:
    """One API server. What each method promises stands in `controller.ports.Cluster`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)

    @property
    def name(self) -> str:
        """Name of the Cluster."""
        return self._transport.name

    async def version(self) -> str:
        """The server's git version."""
        answer = await self._transport.json(Request(verb="version", method="GET", target="/version", about="/version"))
        return str(answer.get("gitVersion", ""))

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """How the kind is served, or None."""
        return await self._discovery.resource(api_version, kind)

    async def resources(self) -> Sequence[Resource]:
        """Every kind that can be listed and watched, in its preferred version."""
        return await self._discovery.resources()

    async def api_versions(self) -> Sequence[str]:
        """Each group/version and group/version/Kind that is served."""
        return await self._discovery.api_versions()

    def forget(self, kind: GroupKind | None = None) -> None:
        """Forget what discovery said."""
        self._discovery.forget(kind)

    async def get(self, object_id: ObjectId, api_version: str) -> Json | None:
        """The live object, or None."""
        resource = await self.resource(api_version, object_id.kind)
        if resource is None:
            return None
        path = path_of(resource, namespace_of(resource, object_id), object_id.name)
        try:
            return await self._ask(resource, "get", "GET", path, about=str(object_id))
        except (NotFound, KindUnknown):
            return None

    async def list(self, api_version: str, kind: str, *, namespace: str = "", selector: str = "") -> Sequence[Json]:
        """All objects of a kind."""
        resource = await self._served(api_version, kind)
        path = path_of(resource, namespace)
        try:
            return await self._pages(resource, path, selector)
        except Gone:  # it changed for so long that the next page's state is forgotten: begin again
            return await self._pages(resource, path, selector)

    async def _pages(self, resource: Resource, path: str, selector: str) -> Sequence[Json]:
        identified: Json = {"apiVersion": resource.api_version, "kind": resource.kind}  # which items of a list lack
        items: MutableSequence[Json] = []
        token = ""
        while True:
            query = {"labelSelector": selector, "limit": str(PAGE), "continue": token}
            page = await self._ask(resource, "list", "GET", target(path, query), about=resource.kind)
            items.extend(identified | item for item in page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return items

    async def apply(self, body: Json, *, dry_run: bool = False, force: bool = True, manager: str = MANAGER) -> Json:
        """Server-side apply."""
        subject = identity(body)
        resource = await self._served(body["apiVersion"], subject.kind)
        query = {"fieldManager": manager, "force": "true" if force else "", "dryRun": "All" if dry_run else ""}
        return await self._ask(
            resource,
            "dry-run" if dry_run else "apply",
            "PATCH",
            target(path_of(resource, namespace_of(resource, subject), subject.name), query),
            about=str(subject),
            body=encode_apply(body, str(subject)),
            content_type=_APPLY,
        )

    async def create(self, body: Json, *, dry_run: bool = False) -> Json:
        """Create the object; raises AlreadyExists, a Conflict, where it exists."""
        subject = identity(body)
        resource = await self._served(body["apiVersion"], subject.kind)
        query = {"fieldManager": MANAGER, "dryRun": "All" if dry_run else ""}
        return await self._ask(
            resource,
            "dry-run" if dry_run else "create",
            "POST",
            target(path_of(resource, namespace_of(resource, subject)), query),
            about=str(subject),
            body=encode(body, str(subject)),
        )

    async def delete(
        self,
        object_id: ObjectId,
        api_version: str,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> bool:
        """Ask for deletion; False when it was gone already, Conflict when another uid has the name, or it changed."""
        resource = await self.resource(api_version, object_id.kind)
        if resource is None:
            return False
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options["preconditions"] = {name: value for name, value in preconditions.items() if value}
        path = path_of(resource, namespace_of(resource, object_id), object_id.name)
        body = encode(options, str(object_id))
        try:
            await self._ask(resource, "delete", "DELETE", path, about=str(object_id), body=body)
        except (NotFound, KindUnknown):
            return False
        return True

    async def merge(self, object_id: ObjectId, api_version: str, patch: Json, *, subresource: str = "") -> Json:
        """JSON merge patch."""
        resource = await self._served(api_version, object_id.kind)
        path = path_of(resource, namespace_of(resource, object_id), object_id.name, subresource)
        return await self._ask(
            resource,
            "merge",
            "PATCH",
            target(path, {"fieldManager": MANAGER}),
            about=str(object_id),
            body=encode(patch, str(object_id)),
            content_type=_MERGE,
        )

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        selector: str = "",
        metadata_only: bool = False,
        namespace: str = "",
        on_state: Callable[[bool], None] | None = None,
    ) -> AsyncGenerator[WatchEvent]:
        """Watch a kind for ever; close the iterator (`contextlib.aclosing`) to end it early.

        `on_state(connected)` is called when the stream stands, and when it could not be taken up again.
        """
        wanted = Wanted(api_version, kind, selector, namespace, metadata_only)
        return Watch(self._transport, self._discovery, wanted, on_state).events()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _served(self, api_version: str, kind: str) -> Resource:
        resource = await self.resource(api_version, kind)
        if resource is None:
            raise KindUnknown(
                f"cluster {self.name} serves no {kind} in {api_version}",
                remedy="install its CRD, or correct apiVersion",
            )
        return resource

    async def _ask(
        self,
        resource: Resource,
        verb: str,
        method: str,
        where: str,
        *,
        about: str,
        body: bytes = b"",
        content_type: str = JSON,
    ) -> Json:
        request = Request(
            verb=verb,
            method=method,
            target=where,
            about=about,
            body=body,
            content_type=content_type,
            secret=is_secret(resource.api_version, resource.kind),
            sent_again=method != "POST",
        )
        try:
            answer: Json = await self._transport.json(request)
        except ApiError as error:
            if isinstance(error, NotFound) and not error.answer.name:
                self.forget(GroupKind(group_of(resource.api_version), resource.kind))
                raise KindUnknown(
                    f"cluster {self.name} no longer serves {resource.kind} in {resource.api_version}",
                    answer=error.answer,
                ) from error
            raise
        return answer
