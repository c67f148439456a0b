"""What do we want? From an Application to the objects that should stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.diff.normalise import Ownership, claim
from controller.errors import Terminal
from controller.model.application import Application
from controller.model.canonical import digest
from controller.model.manifest import Manifest
from controller.model.objects import GroupKind, Key, group_of
from controller.model.plan import Action, Step
from controller.model.run import Trigger
from controller.model.source import Source
from controller.reconcile.rooms import Memory, Rooms, Wish, missing
from controller.render.request import Kind, Rendered, RenderRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.model.revision import Revision
    from controller.ports import Cluster
    from controller.reconcile.fleet import Target
    from controller.reconcile.queue import Work
    from controller.render.request import RenderedObject

ASK_GIT = frozenset({Trigger.USER, Trigger.SPEC, Trigger.WEBHOOK})
"""Reasons to ask the Git server now instead of taking what the last poll said."""

UNSTEADY = "the chart makes random or dated content: its first rendering stands until its source changes"


async def wish_of(app: Application, memory: Memory, target: Target, work: Work, rooms: Rooms) -> Wish:
    """Fetch and render; unchanged content costs neither a request nor a rendering.

    Raises the errors of fetch and render, and Terminal for objects that can't be ours.
    """
    with rooms.metrics.stage_duration.labels(stage="fetch").time():
        revision = await _revision(app, memory, work, rooms)
    with rooms.metrics.stage_duration.labels(stage="render").time():
        rendered = await rooms.renderer.render(
            rooms.repositories.tree(_repository(app), revision.sha), request_of(app, target.version)
        )
    known = memory.wish
    made_of = (rendered.digest, app.spec.destination)
    if known and memory.wish_source == made_of:
        return known if known.revision.sha == revision.sha else _moved(known, revision)
    wish = await _claim(app, revision, rendered, target.client, rooms.installation)
    memory.wish, memory.wish_source = wish, made_of
    return wish


def request_of(app: Application, kube_version: str) -> RenderRequest:
    """How the render engine is asked for this Application's objects."""
    source = app.spec.source
    return RenderRequest(
        root=source.path,
        kind=_kind(source),
        name=app.key.name,
        namespace=app.spec.destination.namespace,
        helm=source.helm,
        plain=source.plain,
        kube_version=kube_version,
    )


def _kind(source: Source) -> Kind:
    if source.kustomize is not None:
        return "kustomize"
    if source.helm is not None:
        return "helm"
    return "auto" if source.plain is None else "plain"


def _moved(wish: Wish, revision: Revision) -> Wish:
    """The same objects at another commit."""
    return Wish(revision, wish.digest, wish.manifests, wish.skipped, wish.warnings)


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
    return await rooms.repositories.revision(key, app.spec.source.ref, fresh_since=fresh)


def _digest(manifests: Sequence[Manifest], app: Application) -> str:
    return digest([app.spec.destination.cluster, *(manifest.digest for manifest in manifests)])


async def _claim(app: Application, revision: Revision, rendered: Rendered, cluster: Cluster, installation: str) -> Wish:
    ownership = Ownership(installation, app.key)
    scopes = _scopes(rendered.objects)
    manifests: list[Manifest] = []
    skipped: list[Step] = []
    for item in rendered.objects:
        body = item.body
        manifest = claim(
            body,
            item.source,
            namespaced=await _namespaced(body, cluster, scopes),
            namespace=app.spec.destination.namespace,
            ownership=ownership,
        )
        if item.hook is None:
            manifests.append(manifest)
        else:
            skipped.append(Step(manifest.id, manifest.api_version, Action.SKIP, "Helm hooks are not run"))
    _refuse_twins(manifests)
    warnings = (*rendered.warnings, *([UNSTEADY] if rendered.nondeterministic else []))
    return Wish(revision, _digest(manifests, app), tuple(manifests), tuple(skipped), warnings)


def _scopes(objects: Sequence[RenderedObject]) -> Mapping[GroupKind, bool]:
    """Which kinds the rendering defines itself, and whether they are namespaced."""
    return {
        GroupKind(spec["group"], spec["names"]["kind"]): spec.get("scope") == "Namespaced"
        for item in objects
        if item.body.get("kind") == "CustomResourceDefinition" and "names" in (spec := item.body.get("spec") or {})
    }


async def _namespaced(body: Mapping[str, str], cluster: Cluster, scopes: Mapping[GroupKind, bool]) -> bool:
    defined = scopes.get(GroupKind(group_of(body["apiVersion"]), body["kind"]))
    if defined is not None:
        return defined
    resource = await cluster.resource(body["apiVersion"], body["kind"])
    # An unknown kind is refused by the plan, which names it with all others; until then its scope does not matter.
    return resource.namespaced if resource else True


def _refuse_twins(manifests: Sequence[Manifest]) -> None:
    """Two files may name one object only once their namespaces are filled in."""
    seen: dict[object, Manifest] = {}
    for manifest in manifests:
        twin = seen.setdefault(manifest.id, manifest)
        if twin is not manifest:
            raise Terminal(
                f"{manifest.id} is declared twice: in {twin.source} and in {manifest.source}", remedy="remove one"
            )
