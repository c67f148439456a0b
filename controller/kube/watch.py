"""Watch: a kind's objects and every change to them, for ever."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from controller.errors import Terminal
from controller.kube.errors import ApiError, Forbidden, Gone, Invalid, KindUnknown, NotFound, ServerError, Unreachable
from controller.kube.lines import Lines
from controller.kube.request import JSON, Request, is_secret, path_of, target
from controller.kube.status import error_of_status, status_in
from controller.model.objects import GroupKind, group_of
from controller.ports import WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from controller.kube.discovery import Discovery
    from controller.kube.transport import Transport
    from controller.model.base import Json
    from controller.ports import Resource

log = logging.getLogger(__name__)

PAGE = 500
"""Objects per page where the server can't stream a list."""
LIFETIME = (300, 600)
"""Seconds after which the server is asked to end a stream; spread, so that not all of them begin again at once."""
PAUSE = 0.5
"""Seconds before the first new try; each further one waits twice as long, up to `LONGEST_PAUSE`."""
LONGEST_PAUSE = 15.0
BRIEF = 1.0
"""A stream that ended without a word in less than these seconds counts as a failure."""
DENIALS = 3
"""A server that has just started denies what it allows: so many refusals in a row are borne once a watch has stood."""

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"
_METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
_KINDS: dict[str, Any] = {"ADDED": "added", "MODIFIED": "modified", "DELETED": "deleted"}


class Wanted(msgspec.Struct, frozen=True):
    """What to watch."""

    api_version: str
    kind: str
    selector: str = ""
    namespace: str = ""
    metadata_only: bool = False

    @property
    def group_kind(self) -> GroupKind:
        """The group and kind."""
        return GroupKind(group_of(self.api_version), self.kind)


class Watch:
    """One watch. It knows the resourceVersion up to which everything was told, and goes on from there.

    `on_state(connected)` is called when the stream stands, and when it fell and could not be taken up again.
    """

    def __init__(
        self,
        transport: Transport,
        discovery: Discovery,
        wanted: Wanted,
        on_state: Callable[[bool], None] | None = None,
    ) -> None:
        self._transport = transport
        self._discovery = discovery
        self._wanted = wanted
        self._on_state = on_state
        self._connected: bool | None = None
        self._position = ""  # resourceVersion; empty: list first
        self._listed = False  # something was told
        self._streams_lists = True
        self._heard = False  # anything in this stream
        self._bookmarked = False  # the server sends bookmarks while nothing happens
        self._stood = False
        self._denials = 0
        self._failures = 0

    async def events(self) -> AsyncGenerator[WatchEvent]:
        """Every event, for ever.

        A listing that is begun anew is announced by `restarted`, the first one isn't. Raises what can't pass by
        itself: KindUnknown, Forbidden, and Invalid for a selector that is none.
        """
        while True:
            began = time.monotonic()
            self._heard = False
            try:
                async with aclosing(self._attempt()) as events:
                    async for event in events:
                        yield event
                # The server ends every stream after a while, which is no failure.
                if not self._heard and time.monotonic() - began < BRIEF:
                    self._failures += 1
            except (ApiError, Unreachable) as failure:
                self._bear(failure)
                await asyncio.sleep(self._pause(failure))
            else:
                await asyncio.sleep(self._pause() if self._failures else 0)

    async def _attempt(self) -> AsyncGenerator[WatchEvent]:
        """One stream, from its beginning to its end."""
        resource = await self._discovery.resource(self._wanted.api_version, self._wanted.kind)
        if resource is None:
            raise KindUnknown(
                f"cluster {self._transport.name} serves no {self._wanted.kind} in {self._wanted.api_version}",
                remedy="install its CRD, or correct apiVersion",
            )
        if not self._position:
            if self._listed:
                yield WatchEvent("restarted")
            if not self._streams_lists:
                async with aclosing(self._pages(resource)) as events:
                    async for event in events:
                        yield event
        request = self._request(resource)
        async with self._transport.stream(request) as content:
            self._tell(connected=True)
            async for line in Lines(content):
                told = self._read(request, line)
                if told is not None:
                    yield told

    def _request(self, resource: Resource) -> Request:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": self._wanted.selector,
            "timeoutSeconds": str(random.randint(*LIFETIME)),  # noqa: S311 - to spread, not secret
            "resourceVersion": self._position,
        }
        if not self._position:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        return self._ask("watch", resource, query, _METADATA if self._wanted.metadata_only else JSON)

    def _ask(self, verb: str, resource: Resource, query: dict[str, str], accept: str) -> Request:
        return Request(
            verb=verb,
            method="GET",
            target=target(path_of(resource, self._wanted.namespace), query),
            about=str(self._wanted.group_kind),
            accept=accept,
            secret=is_secret(resource.api_version, resource.kind),
        )

    def _read(self, request: Request, line: bytes) -> WatchEvent | None:
        """One line as an event, None where it only moves the position."""
        try:
            step = orjson.loads(line)
            kind, body = step["type"], step["object"]
            if kind == "ERROR":
                said = status_in(body)
                raise error_of_status(request, said.code or 500, said)
            position: str = body["metadata"]["resourceVersion"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ServerError(f"{request.verb} {request.about}: a line of the answer is no event") from error
        self._heard = self._stood = True
        self._failures = self._denials = 0
        if kind == "BOOKMARK":
            return self._mark(position, body["metadata"].get("annotations") or {})
        self._listed = True
        if self._position:  # until the listing is complete its versions are in no order
            self._position = position
        return WatchEvent(_KINDS[kind], self._body(body)) if kind in _KINDS else None

    def _mark(self, position: str, annotations: dict[str, str]) -> WatchEvent | None:
        if self._position:
            self._bookmarked = True
            self._position = position
        elif annotations.get(_INITIAL_EVENTS_END) == "true":
            self._position = position
            self._listed = True
            return WatchEvent("synced")
        return None

    def _body(self, body: Json) -> Json:
        named = {"apiVersion": self._wanted.api_version, "kind": self._wanted.kind}
        if self._wanted.metadata_only:  # a server that can't leave the rest out must not bring it in, either
            return named | {"metadata": body["metadata"]}
        return named | body

    async def _pages(self, resource: Resource) -> AsyncGenerator[WatchEvent]:
        """The listing by pages, for servers before 1.32 and others that can't stream it."""
        token, accept = "", _METADATA_LIST if self._wanted.metadata_only else JSON
        while True:
            query = {"labelSelector": self._wanted.selector, "limit": str(PAGE), "continue": token}
            page = await self._transport.json(self._ask("list", resource, query, accept))
            for item in page.get("items") or ():
                self._listed = True
                yield WatchEvent("added", self._body(item))
            token = page["metadata"].get("continue") or ""
            if not token:
                break
        self._position = page["metadata"]["resourceVersion"]
        self._listed = True
        yield WatchEvent("synced")

    def _bear(self, failure: ApiError | Unreachable) -> None:
        """Take note of a failure and prepare the next try; raises it when it can't pass."""
        self._failures += 1
        if isinstance(failure, Gone):
            self._position = ""
        elif isinstance(failure, NotFound):
            self._discovery.forget(self._wanted.group_kind)  # the next try asks whether the kind is still there
        elif isinstance(failure, Invalid) and not self._position and self._streams_lists:
            self._streams_lists = False
            self._failures = 0
        elif isinstance(failure, Forbidden) and self._stood and self._denials < DENIALS:
            self._denials += 1
        elif isinstance(failure, Terminal | KindUnknown):
            raise failure
        elif isinstance(failure.__cause__, TimeoutError) and not self._heard and self._bookmarked:
            # Not even a bookmark: a server restored from a backup stays silent about a version it has not reached.
            self._position = ""
        if self._failures > 1:
            self._tell(connected=False)
        log.info(
            "watch interrupted",
            extra={"cluster": self._transport.name, "kind": str(self._wanted.group_kind), "error": str(failure)},
        )

    def _pause(self, failure: Exception | None = None) -> float:
        """Seconds until the next try."""
        longest = min(LONGEST_PAUSE, PAUSE * 2.0 ** min(self._failures - 1, 10)) if self._failures else 0.0
        pause = longest * random.uniform(0.5, 1.0)  # noqa: S311 - to spread, not secret
        return max(pause, getattr(failure, "after", 0.0))

    def _tell(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            if self._on_state is not None:
                self._on_state(connected)
