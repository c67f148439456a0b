"""What people want: Applications, Repositories and Clusters, kept by watches on the home cluster."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from controller import logs
from controller.model.application import Application, ApplicationSpec, ApplicationStatus
from controller.model.cluster import Cluster, ClusterSpec, ClusterStatus
from controller.model.labels import API_VERSION, DECLINE_ANNOTATION, SYNC_ANNOTATION, owner_value
from controller.model.live import newer
from controller.model.objects import Key
from controller.model.repository import Repository, RepositorySpec, RepositoryStatus
from controller.model.run import Trigger
from controller.tasks import Backoff, supervise

if TYPE_CHECKING:
    from controller import ports
    from controller.model.base import Json

KINDS = ("Application", "Repository", "Cluster")
_Noun = TypeVar("_Noun")
_log = logs.get_logger(__name__)


class Registry:
    """The wishes, by key. Reading never waits; `run` keeps it true.

    Callbacks are told of what changed: `on_application` with the reason to look at it; `on_repository` and
    `on_cluster` with the noun, or None when it was deleted.
    """

    def __init__(self, home: ports.Cluster, installation: str) -> None:
        self.home = home
        self.installation = installation
        self.applications: dict[Key, Application] = {}
        self.repositories: dict[Key, Repository] = {}
        self.clusters: dict[str, Cluster] = {}
        self.owners: dict[str, Key] = {}
        self.on_application: Callable[[Key, Trigger], None] = lambda _key, _trigger: None
        self.on_repository: Callable[[Key, Repository | None], None] = lambda _key, _repository: None
        self.on_cluster: Callable[[str, Cluster | None], None] = lambda _name, _cluster: None
        self._synced = {kind: asyncio.Event() for kind in KINDS}
        self._listed: dict[str, set[Key]] = {}

    async def run(self) -> None:
        """Keep all three kinds, for ever."""
        async with asyncio.TaskGroup() as group:
            for kind in KINDS:
                name = f"registry {kind}"
                group.create_task(
                    supervise(name, functools.partial(self._keep, kind), backoff=Backoff(0.5, 10)), name=name
                )

    async def synced(self) -> None:
        """Wait until every kind was listed once."""
        for event in self._synced.values():
            await event.wait()

    @property
    def is_synced(self) -> bool:
        """Whether every kind was listed once."""
        return all(event.is_set() for event in self._synced.values())

    def know(self, body: Json) -> None:
        """Take in an Application that was listed where nothing is watched."""
        self._take_application(body, quiet=True)

    def accept(self, body: Json) -> None:
        """Take in an object that a write of ours returned, ahead of the watch.

        An answer may come after the watch said that the object is gone: it must not bring it back. And it may hold
        what somebody else changed: whoever is told of news is told now, for the watch will bring nothing newer.
        """
        known = self.applications.get(_key(body)) if body["kind"] == "Application" else None
        if known is not None and known.uid == body["metadata"]["uid"]:
            self._take_application(body, quiet=False)

    async def _keep(self, kind: str) -> None:
        self._listed[kind] = set()  # a watch does not announce its first listing, and this may be the second watch
        async with contextlib.aclosing(self.home.watch(API_VERSION, kind)) as events:
            async for event in events:
                self._follow(kind, event)

    def _follow(self, kind: str, event: ports.WatchEvent) -> None:
        match event.kind:
            case "restarted":
                self._listed[kind] = set()
            case "synced":
                self._sweep(kind)
            case "deleted":
                self._drop(kind, _key(event.body))
            case _:
                self._take(kind, event.body)

    def _take(self, kind: str, body: Json) -> None:
        if kind in self._listed:
            self._listed[kind].add(_key(body))
        try:
            match kind:
                case "Application":
                    self._take_application(body, quiet=False)
                case "Repository":
                    self._take_repository(body)
                case _:
                    self._take_cluster(body)
        except (msgspec.ValidationError, KeyError) as error:
            # The API server's schema refuses what we can't read, unless the CRDs are not of our version.
            _log.error("Object not understood", kind=kind, object=str(_key(body)), reason=str(error))

    def _take_application(self, body: Json, *, quiet: bool) -> None:
        app = application(body)
        known = self.applications.get(app.key)
        if known and known.uid == app.uid and not newer(app.resource_version, known.resource_version):
            return
        self.applications[app.key] = app
        self.owners[owner_value(self.installation, app.key)] = app.key
        if quiet:
            return
        trigger = _news(known, app)
        if trigger:
            self.on_application(app.key, trigger)

    def _take_repository(self, body: Json) -> None:
        repository = Repository(
            key=_key(body),
            uid=body["metadata"]["uid"],
            generation=body["metadata"]["generation"],
            spec=msgspec.convert(body["spec"], RepositorySpec),
            status=_status(body, RepositoryStatus),
        )
        known = self.repositories.get(repository.key)
        self.repositories[repository.key] = repository
        if known is None or (known.uid, known.generation) != (repository.uid, repository.generation):
            self.on_repository(repository.key, repository)

    def _take_cluster(self, body: Json) -> None:
        cluster = Cluster(
            name=body["metadata"]["name"],
            uid=body["metadata"]["uid"],
            generation=body["metadata"]["generation"],
            spec=msgspec.convert(body["spec"], ClusterSpec),
            status=_status(body, ClusterStatus),
        )
        known = self.clusters.get(cluster.name)
        self.clusters[cluster.name] = cluster
        if known is None or (known.uid, known.generation) != (cluster.uid, cluster.generation):
            self.on_cluster(cluster.name, cluster)

    def _sweep(self, kind: str) -> None:
        self._synced[kind].set()
        listed = self._listed.pop(kind, set())
        known: set[Key] = {
            "Application": set(self.applications),
            "Repository": set(self.repositories),
            "Cluster": {Key("", name) for name in self.clusters},
        }[kind]
        for gone in known - listed:
            self._drop(kind, gone)

    def _drop(self, kind: str, key: Key) -> None:
        match kind:
            case "Application":
                if self.applications.pop(key, None):
                    self.owners.pop(owner_value(self.installation, key), None)
                    self.on_application(key, Trigger.SPEC)
            case "Repository":
                if self.repositories.pop(key, None):
                    self.on_repository(key, None)
            case _:
                if self.clusters.pop(key.name, None):
                    self.on_cluster(key.name, None)


def application(body: Json) -> Application:
    """An Application as the API gives it; raises msgspec.ValidationError for what the schema should have refused."""
    metadata = body["metadata"]
    return Application(
        key=_key(body),
        uid=metadata["uid"],
        generation=metadata["generation"],
        spec=msgspec.convert(body["spec"], ApplicationSpec),
        status=_status(body, ApplicationStatus),
        resource_version=metadata["resourceVersion"],
        annotations=metadata.get("annotations") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
        deleting=bool(metadata.get("deletionTimestamp")),
    )


def _news(known: Application | None, app: Application) -> Trigger | None:
    asked = app.annotations.get(SYNC_ANNOTATION, "")
    if asked and asked != app.status.last_handled_sync and (known is None or _asked(known) != asked):
        return Trigger.USER
    if known is None or (known.uid, known.generation, known.deleting) != (app.uid, app.generation, app.deleting):
        return Trigger.SPEC
    if known.annotations.get(DECLINE_ANNOTATION) != app.annotations.get(DECLINE_ANNOTATION):
        return Trigger.DRIFT
    return None


def _asked(app: Application) -> str:
    return app.annotations.get(SYNC_ANNOTATION, "")


def _key(body: Json) -> Key:
    metadata = body["metadata"]
    return Key(metadata.get("namespace") or "", metadata["name"])


def _status(body: Json, type_: type[_Noun]) -> _Noun:
    """Our own last words; what an older version of us wrote and we can't read is as if never said."""
    status: Any = body.get("status") or {}
    try:
        return msgspec.convert(status, type_)
    except msgspec.ValidationError as error:
        _log.warning("Status not understood, starting anew", object=str(_key(body)), reason=str(error))
        return type_()
