"""From rendered objects to a wish: each made ours, in its namespace, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.diff.ignored import check
from controller.diff.namespace import shared_namespace
from controller.diff.normalise import Ownership, claim
from controller.diff.unmatched import unmatched
from controller.errors import Terminal
from controller.model.canonical import digest
from controller.model.labels import CONFIDENTIAL_ANNOTATION
from controller.model.objects import GroupKind, ObjectId, definition_of, group_of
from controller.model.plan import Action, Step
from controller.reconcile.rooms import Rooms, Wish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.model.application import Application
    from controller.model.base import Json
    from controller.model.manifest import Manifest
    from controller.model.revision import Revision
    from controller.ports import Cluster
    from controller.render.request import Rendered, RenderedObject

UNSTEADY = "the chart makes random or dated content: its first rendering stands until its source changes"


class Scopes:
    """Whether kinds are namespaced: by the definitions that come along, else by the cluster."""

    def __init__(self, rendered: Rendered, cluster: Cluster) -> None:
        self._defined = _defined(rendered.objects)
        self._cluster = cluster
        self.unknown = False
        """A kind was asked for that nobody knows."""

    async def namespaced(self, body: Mapping[str, str]) -> bool:
        """Whether objects of this one's kind are in a namespace; taken for granted of an unknown kind."""
        defined = self._defined.get(GroupKind(group_of(body["apiVersion"]), body["kind"]))
        if defined is not None:
            return defined
        resource = await self._cluster.resource(body["apiVersion"], body["kind"])
        if resource is None:  # the plan refuses it, and names it with all others; until then its scope does not matter
            self.unknown = True
            return True
        return resource.namespaced


async def claimed(
    app: Application, revision: Revision, rendered: Rendered, cluster: Cluster, rooms: Rooms
) -> tuple[Wish, bool]:
    """The wish, and whether it may be kept: not while a kind is unknown, whose objects would be placed wrongly.

    Raises Terminal that names every object which can't be ours, with its file.
    """
    check(app.spec.ignore_differences)
    scopes = Scopes(rendered, cluster)
    ownership = Ownership(rooms.installation, app.key)
    manifests: list[Manifest] = []
    skipped: list[Step] = []
    wrong: list[str] = []
    warnings: list[str] = []
    for item in rendered.objects:
        namespaced = await scopes.namespaced(item.body)
        body = _marked(item)
        if not namespaced and body["metadata"].get("namespace"):
            (warnings if _tolerated(item, rendered, app) else wrong).append(_misplaced(item))
            body = _unplaced(body)
        manifest = claim(
            body,
            item.source,
            namespaced=namespaced,
            namespace=app.spec.destination.namespace,
            ownership=ownership,
            ignored=(*app.spec.ignore_differences, *rooms.ignored),
        )
        if item.hook is None:
            manifests.append(manifest)
        else:
            skipped.append(Step(manifest.id, manifest.api_version, Action.SKIP, "Helm hooks are not run"))
    if wrong:
        raise Terminal("; ".join(wrong), remedy="remove metadata.namespace")
    _refuse_twins(manifests)
    manifests += _namespace(app, manifests)
    warnings += unmatched(app.spec.ignore_differences, (manifest.id for manifest in manifests))
    said = (*rendered.warnings, *warnings, *([UNSTEADY] if rendered.nondeterministic else []))
    return Wish(revision, _digest(manifests, app), tuple(manifests), tuple(skipped), said), not scopes.unknown


def _namespace(app: Application, manifests: Sequence[Manifest]) -> list[Manifest]:
    """The destination's namespace where it is to be created; one that Git declares is Git's."""
    asked, name = app.spec.sync.create_namespace, app.spec.destination.namespace
    declared = any(manifest.id == ObjectId("", "Namespace", "", name) for manifest in manifests)
    return [] if asked is None or declared else [shared_namespace(name, asked, app.key)]


def _digest(manifests: Sequence[Manifest], app: Application) -> str:
    return digest([app.spec.destination.cluster, *(manifest.digest for manifest in manifests)])


def _defined(objects: Sequence[RenderedObject]) -> Mapping[GroupKind, bool]:
    """Which kinds the rendering defines itself, and whether they are namespaced."""
    found = (definition_of(item.body) for item in objects)
    return {definition.kind: definition.namespaced for definition in found if definition is not None}


def _tolerated(item: RenderedObject, rendered: Rendered, app: Application) -> bool:
    """Nobody meant the namespace: Kustomize puts it on kinds that it does not know, charts write it everywhere."""
    if rendered.kind == "helm":
        return bool(item.body["metadata"]["namespace"] == app.spec.destination.namespace)
    return item.placed


def _misplaced(item: RenderedObject) -> str:
    name = "" if item.secret else f" {item.body['metadata']['name']}"
    return f"{item.source}: {item.body['kind']}{name} is cluster-scoped, but has metadata.namespace"


def _unplaced(body: Json) -> Json:
    metadata = {name: value for name, value in body["metadata"].items() if name != "namespace"}
    return body | {"metadata": metadata}


def _marked(item: RenderedObject) -> Json:
    """An object that holds a Secret's value says so, wherever it goes (see controller.model.sensitive)."""
    if not item.secret:
        return item.body
    metadata = item.body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), CONFIDENTIAL_ANNOTATION: "true"}
    return item.body | {"metadata": {**metadata, "annotations": annotations}}


def _refuse_twins(manifests: Sequence[Manifest]) -> None:
    """Two files may name one object only once their namespaces are filled in."""
    seen: dict[object, Manifest] = {}
    for manifest in manifests:
        twin = seen.setdefault(manifest.id, manifest)
        if twin is not manifest:
            raise Terminal(
                f"{manifest.id} is declared twice: in {twin.source} and in {manifest.source}", remedy="remove one"
            )
