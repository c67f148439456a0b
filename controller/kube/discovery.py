"""Discovery: which kinds a server serves, and how."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from controller.kube import catalogue
from controller.kube.catalogue import Catalogue
from controller.kube.errors import ApiError, NotFound, ServerError, Unreachable
from controller.kube.request import JSON, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.kube.transport import Transport
    from controller.model.objects import GroupKind
    from controller.ports import Resource

PAUSE = 0.25
"""Least seconds between the beginnings of two readings: however many unknown kinds are asked for."""

_AGGREGATED = ",".join(
    f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


class Discovery:
    """What a server serves, read once and read again when a kind is missing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._catalogue: Catalogue | None = None
        self._lock = asyncio.Lock()
        self._began = float("-inf")
        self._failure: ApiError | Unreachable | None = None

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """How the kind is served; when it isn't known the server is asked again, then None."""
        known = self._catalogue.find(api_version, kind) if self._catalogue else None
        if known is not None:
            return known
        return (await self._read()).find(api_version, kind)

    async def resources(self) -> Sequence[Resource]:
        """Every kind in its preferred version that can be listed and watched."""
        return (self._catalogue or await self._read()).preferred()

    async def api_versions(self) -> Sequence[str]:
        """Each group/version and group/version/Kind, sorted."""
        return (self._catalogue or await self._read()).api_versions

    def forget(self, kind: GroupKind | None = None) -> None:
        """Forget a kind, or all: the next question about it goes to the server."""
        if kind is None:
            self._catalogue = None
        elif self._catalogue is not None:
            self._catalogue = self._catalogue.without(kind)

    async def _read(self) -> Catalogue:
        """The catalogue as the server gives it now; those who ask together share one reading, also its failure.

        A reading that began before the question does not answer it: what is asked for may be younger.
        """
        asked = time.monotonic()
        async with self._lock:
            if self._began < asked:
                await self._read_again()
            if self._failure is not None:
                raise self._failure
            if self._catalogue is None:  # forgotten since
                await self._read_again()
            return self._catalogue or Catalogue()

    async def _read_again(self) -> None:
        # Sleeps in any case, so that all who ask at this moment have asked before the reading begins.
        await asyncio.sleep(max(0.0, self._began + PAUSE - time.monotonic()))
        self._began = time.monotonic()
        self._failure = None
        try:
            self._catalogue = await self._fetch()
        except (ApiError, Unreachable) as failure:
            self._failure = failure
            raise

    async def _fetch(self) -> Catalogue:
        documents = [await self._get(path, f"{_AGGREGATED},{JSON}") for path in ("/api", "/apis")]
        if all(document.get("kind") == "APIGroupDiscoveryList" for document in documents):
            return catalogue.from_aggregated(documents)
        return await self._fetch_plain(*documents)

    async def _fetch_plain(self, core: dict[str, object], groups: dict[str, object]) -> Catalogue:
        """One request per group and version, as servers before 1.27 need it; a group that fails is left out."""
        versions = catalogue.versions(core, groups)
        return catalogue.from_lists({version: await self._resource_list(version) for version in versions})

    async def _resource_list(self, api_version: str) -> dict[str, object]:
        try:
            return await self._get(f"/{'apis' if '/' in api_version else 'api'}/{api_version}", JSON)
        except (ServerError, NotFound):  # an aggregated API whose server is down must not hide all others
            return {}

    async def _get(self, path: str, accept: str) -> dict[str, object]:
        request = Request(verb="discovery", method="GET", target=path, about=path, accept=accept)
        answer: dict[str, object] = await self._transport.json(request)
        return answer
