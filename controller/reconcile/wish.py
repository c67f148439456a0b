"""What do we want? From an Application to the objects that should stand."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from controller import faults
from controller.errors import Terminal
from controller.model.application import Application
from controller.model.helm import HelmOptions
from controller.model.objects import Key
from controller.model.run import Trigger
from controller.model.source import Source
from controller.reconcile.claiming import claimed
from controller.reconcile.rooms import Memory, Rooms, Wish, missing
from controller.reconcile.variables import variables_of
from controller.render.request import Dependency, Kind, RenderRequest

if TYPE_CHECKING:
    from controller.model.revision import Revision
    from controller.ports import Cluster
    from controller.reconcile.fleet import Target
    from controller.reconcile.queue import Work

ASK_GIT = frozenset({Trigger.USER, Trigger.SPEC, Trigger.WEBHOOK})
"""Reasons to ask the Git server now instead of taking what the last poll said."""


async def wish_of(app: Application, memory: Memory, target: Target, work: Work, rooms: Rooms) -> Wish:
    """Fetch and render; unchanged content costs neither a request nor a rendering.

    Raises the errors of fetch and render, and Terminal for objects that can't be ours.
    """
    with rooms.metrics.stage_duration.labels(stage="fetch").time():
        revision = memory.seen = await _revision(app, memory, work, rooms)
    faults.reach("after-fetch")
    wish = await wish_at(app, memory, target, revision, rooms)
    faults.reach("after-render")
    return wish


async def wish_at(app: Application, memory: Memory, target: Target, revision: Revision, rooms: Rooms) -> Wish:
    """What the Application wants at this commit. Raises as `wish_of`."""
    memory.depends = None
    with rooms.metrics.stage_duration.labels(stage="render").time():
        request = await request_of(app, memory, target, rooms.registry.home)
        tree = rooms.repositories.tree(_repository(app), revision.sha)
        path = posixpath.normpath(app.spec.source.path)
        path = "" if path == "." else path
        await tree.directory(path)  # says what there is instead
        rendered = await rooms.renderer.render(tree, request)
    known = memory.wish
    made_of = (rendered.digest, app.spec.destination, app.spec.ignore_differences, app.spec.sync.create_namespace)
    depends = (Dependency(path, "dir"), *rendered.dependencies)
    if known and memory.wish_source == made_of:
        memory.depends = depends
        return known.at(revision)
    wish, settled = await claimed(app, revision, rendered, target.client, rooms)
    memory.wish, memory.wish_source, memory.depends = (wish, made_of, depends) if settled else (None, None, None)
    return wish


async def request_of(app: Application, memory: Memory, target: Target, home: Cluster) -> RenderRequest:
    """How the render engine is asked for this Application's objects."""
    source = app.spec.source
    helm = source.helm or HelmOptions()
    memory.references.clear()
    return RenderRequest(
        root=source.path,
        kind=_kind(source),
        name=app.key.name,
        namespace=app.spec.destination.namespace,
        tenant=app.key.namespace,
        helm=source.helm,
        kustomize=source.kustomize,
        plain=source.plain,
        variables=await variables_of(app, memory, home),
        kube_version=helm.kube_version or target.version,
        api_versions=helm.api_versions or await _served(source, target.client),
    )


async def _served(source: Source, cluster: Cluster) -> tuple[str, ...]:
    """What the cluster serves, where a chart may ask for it."""
    return tuple(await cluster.api_versions()) if _kind(source) in {"auto", "helm"} else ()


def _kind(source: Source) -> Kind:
    if source.kustomize is not None:
        return "kustomize"
    if source.helm is not None:
        return "helm"
    return "auto" if source.plain is None else "plain"


def _repository(app: Application) -> Key:
    return Key(app.key.namespace, app.spec.source.repository)


async def _revision(app: Application, memory: Memory, work: Work, rooms: Rooms) -> Revision:
    key = _repository(app)
    if key not in rooms.registry.repositories:
        error = Terminal(
            f"spec.source.repository: there is no Repository {key.name!r} in namespace {key.namespace}",
            remedy="create it there, or correct the name",
        )
        raise missing(memory, error)
    # Whoever was put on the queue before the last question to the server is answered by it: a fleet asks once.
    fresh = work.asked if work.triggers & ASK_GIT else None
    before = _stood(app)
    return await rooms.repositories.revision(key, app.spec.source.ref, fresh_since=fresh, before=before)


def _stood(app: Application) -> Revision | None:
    """The commit it was in sync with, where the status says so for certain of the repository it has now."""
    synced = next((condition for condition in app.status.conditions if condition.type == "Synced"), None)
    current = synced and synced.status == "True" and synced.observed_generation == app.generation
    return app.status.revision if current else None
