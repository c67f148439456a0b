"""A plan made by the command line itself: the stages of the controller, with the user's own rights, without a write."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import fcntl
import os
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from controller.cli.engine import engine
from controller.cli.exits import NotFound, Refused, first_of
from controller.cli.nouns import understood
from controller.diff.ownership import ownership_digest
from controller.errors import ShipslogError, Terminal
from controller.fetch.repository import Repositories
from controller.govern.judge import Verdict, judge
from controller.kube.access import from_kubeconfig_bytes
from controller.kube.cluster import open_cluster
from controller.kube.errors import AccessError, Forbidden
from controller.metrics import Metrics
from controller.model.cluster import IN_CLUSTER, ClusterSpec
from controller.model.labels import API_VERSION, GROUP
from controller.model.objects import Key, ObjectId
from controller.model.repository import Credentials, Repository, RepositorySpec
from controller.model.run import Trigger
from controller.observe.live import LiveState
from controller.reconcile.announce import Announcer
from controller.reconcile.claims import Claims
from controller.reconcile.fleet import Fleet, Target
from controller.reconcile.planning import plan_of
from controller.reconcile.queue import KeyQueue, Work
from controller.reconcile.registry import Registry
from controller.reconcile.rooms import Memory, Rooms
from controller.reconcile.telling import SUSPENDED
from controller.reconcile.wish import wish_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from controller.model.application import Application
    from controller.model.base import Json
    from controller.model.drift import Drift
    from controller.model.event import Draft, Event
    from controller.model.plan import Plan
    from controller.model.revision import Revision
    from controller.ports import Cluster
    from controller.reconcile.rooms import Wish
    from controller.render import Renderer
    from controller.settings import Settings


class Foretold(msgspec.Struct, frozen=True):
    """What a sync would do, and whether the controller would."""

    revision: Revision
    plan: Plan
    verdict: Verdict
    warnings: tuple[str, ...] = ()


class Unrecorded:
    """The ledger of a plan: nothing is done, so there is nothing to record (`controller.ports.Ledger`)."""

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Refuse: whoever asks is about to write."""
        raise AssertionError(f"a plan wrote {[draft.type.label for draft in drafts]}")

    def open_drifts(self, application: Key, cluster: str) -> tuple[Drift, ...]:
        """None: what was recorded is the controller's to know."""
        del application, cluster
        return ()


@contextlib.contextmanager
def mirrors() -> Iterator[Path]:
    """The user's own directory for mirrors; another one, for this time only, while a second process has it."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shipslog"
    with contextlib.ExitStack() as stack:
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context((base / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            place = base / "mirrors"
        except OSError:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipslog-")))
        yield place


async def foretell(home: Cluster, body: Json, directory: Path, settings: Settings) -> Foretold:
    """The plan of an Application as a sync would make it now.

    Raises Refused for what a sync would be refused for, too, and the errors of fetch and cluster; Forbidden names
    the right that the user lacks.
    """
    try:
        return await _foretell(home, body, directory, settings)
    except BaseExceptionGroup as group:  # of the task group that owns the polling
        error = first_of(group)
        raise (outcome_of(error) if isinstance(error, ShipslogError) else error) from None


def outcome_of(error: ShipslogError) -> ShipslogError:
    """Refused where a sync would fare the same, whoever asks; else the error itself."""
    if isinstance(error, NotFound | AccessError | Forbidden) or not (isinstance(error, Terminal) or error.underlying):
        return error
    # Of a plan it goes without saying.
    refused = Refused(error.message.replace(", nothing was written", "", 1), remedy=error.remedy)
    refused.file, refused.line = getattr(error, "file", ""), getattr(error, "line", 0)
    return refused


async def _foretell(home: Cluster, body: Json, directory: Path, settings: Settings) -> Foretold:
    app = understood(body)
    async with (
        _destination(home, app) as (client, suspended),
        engine(settings.engine) as renderer,
        _repositories(directory) as repositories,
    ):
        rooms = _rooms(home, repositories, renderer, settings)
        key = Key(app.key.namespace, app.spec.source.repository)
        repository = rooms.registry.repositories[key] = await _repository(home, key)
        repositories.ensure(repository, await _credentials(home, repository))
        await _know_owners(home, rooms.registry)
        target = Target(client, LiveState(client, ownership=ownership_digest, on_move=lambda *_: None))
        target.version = await client.version()
        memory = Memory(app.uid)
        wish = await wish_of(app, memory, target, Work(app.key, frozenset({Trigger.USER})), rooms)
        plan = await plan_of(app, memory, wish, target, rooms, full=True)
    return _judged(app, wish, plan, suspended=suspended)


def _judged(app: Application, wish: Wish, plan: Plan, *, suspended: bool) -> Foretold:
    verdict = judge(app.spec, plan, requested=True, suspended_cluster=suspended, inventory=len(app.status.inventory))
    if app.spec.suspend:
        verdict = Verdict(allowed=False, reason=SUSPENDED, message=f"Application {app.key} is suspended")
    return Foretold(wish.revision, plan, verdict, wish.warnings)


def _rooms(home: Cluster, repositories: Repositories, renderer: Renderer, settings: Settings) -> Rooms:
    registry = Registry(home, settings.installation)
    metrics = Metrics()

    async def unopened(cluster: Any, _kubeconfig: bytes) -> Cluster:
        raise AssertionError(f"a plan opened cluster {cluster.name}")

    return Rooms(
        installation=settings.installation,
        registry=registry,
        fleet=Fleet(home, unopened, ownership_digest, metrics),
        repositories=repositories,
        renderer=renderer,
        ledger=Unrecorded(),
        metrics=metrics,
        announcer=Announcer(home, registry, "shipslog-cli"),
        queue=KeyQueue(),
        now=time.time,
        new_id=lambda: str(uuid.uuid4()),
        claims=Claims(foretold=True),
        former_managers=settings.former_managers,
        ignored=settings.ignored,
    )


@contextlib.asynccontextmanager
async def _repositories(directory: Path) -> AsyncIterator[Repositories]:
    async with asyncio.TaskGroup() as group:
        # file:// is as safe here as the user's own git: what is read is what the user can read.
        repositories = Repositories(group, directory, file_urls=True)
        try:
            yield repositories
        finally:
            await repositories.close()


@contextlib.asynccontextmanager
async def _destination(home: Cluster, app: Application) -> AsyncIterator[tuple[Cluster, bool]]:
    """The cluster that the Application goes to, and whether it is suspended."""
    name = app.spec.destination.cluster
    if name == IN_CLUSTER:
        yield home, False
        return
    body = await home.get(ObjectId(GROUP, "Cluster", "", name), API_VERSION)
    if body is None:
        raise NotFound(f"spec.destination.cluster: there is no Cluster {name!r}", remedy="shipslog get clusters")
    spec = msgspec.convert(body["spec"], ClusterSpec)
    reference = spec.kubeconfig_secret_ref
    secret = await _secret(home, reference.namespace, reference.name)
    client = open_cluster(name, await from_kubeconfig_bytes(_decoded(secret, reference.key)), spec.max_requests)
    try:
        yield client, spec.suspend
    finally:
        await client.close()


async def _repository(home: Cluster, key: Key) -> Repository:
    body = await home.get(ObjectId(GROUP, "Repository", key.namespace, key.name), API_VERSION)
    if body is None:
        raise NotFound(
            f"spec.source.repository: there is no Repository {key.name!r} in namespace {key.namespace}",
            remedy="create it there, or correct the name",
        )
    spec = msgspec.convert(body["spec"], RepositorySpec)
    return Repository(key, body["metadata"]["uid"], body["metadata"]["generation"], spec)


async def _credentials(home: Cluster, repository: Repository) -> Credentials | None:
    reference = repository.spec.secret_ref
    if reference is None:
        return None
    secret = await _secret(home, repository.key.namespace, reference.name)
    return Credentials(_decoded(secret, "username").decode(), _decoded(secret, "password").decode())


async def _secret(home: Cluster, namespace: str, name: str) -> Json:
    secret = await home.get(ObjectId("", "Secret", namespace, name), "v1")
    if secret is None:
        raise NotFound(f"there is no Secret {name!r} in namespace {namespace}", remedy="create it")
    return secret


def _decoded(secret: Json, key: str) -> bytes:
    metadata = secret["metadata"]
    place = f"Secret {metadata['namespace']}/{metadata['name']}"
    try:
        return base64.b64decode((secret.get("data") or {})[key], validate=True)
    except KeyError:
        raise Terminal(f"{place} has no key {key!r}", remedy="add it") from None
    except (binascii.Error, TypeError):
        raise Terminal(f"{place}: {key} is not base64", remedy="store it anew") from None


async def _know_owners(home: Cluster, registry: Registry) -> None:
    """Learn whose objects are whose, so that the plan refuses what another Application owns."""
    with contextlib.suppress(ShipslogError):  # without the right to list them, the controller alone will notice
        for body in await home.list(API_VERSION, "Application"):
            registry.know(body)
