"""Reading our own kinds from the home cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from controller.cli import options
from controller.cli.exits import NotFound
from controller.errors import Terminal
from controller.model.crds import KINDS, Kind
from controller.model.labels import API_VERSION, GROUP
from controller.model.objects import Key, ObjectId
from controller.reconcile.registry import application

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.application import Application
    from controller.model.base import Json
    from controller.ports import Cluster


def kind_of(word: str) -> Kind:
    """The kind that a user means by its singular, plural or a short name; raises NotFound that lists them."""
    for kind in KINDS:
        if word.lower() in {kind.kind.lower(), kind.plural, *kind.short_names}:
            return kind
    known = ", ".join(kind.plural for kind in KINDS)
    raise NotFound(f"there is no kind {word!r}", remedy=f"use one of {known}")


def key_of(name: str, namespace: str) -> Key:
    """The key of an object: NAMESPACE/NAME, or a name in the given namespace.

    Raises NotFound for what is neither, UsageError where the command line gives another namespace beside it.
    """
    if "/" not in name:
        return Key(namespace, name)
    try:
        key = Key.parse(name)
    except ValueError as error:
        raise NotFound(str(error)) from None
    if namespace != key.namespace and options.given("namespace"):
        raise click.UsageError(f"{name} is not in namespace {namespace}: give one of them")
    return key


def application_id(key: Key) -> ObjectId:
    """The identity of an Application's own object."""
    return ObjectId(GROUP, "Application", key.namespace, key.name)


async def read_application(cluster: Cluster, key: Key) -> Json:
    """The Application's object; raises NotFound that says where it was looked for."""
    body = await cluster.get(application_id(key), API_VERSION)
    if body is None:
        raise NotFound(
            f"there is no Application {key.name!r} in namespace {key.namespace}", remedy="shipslog get applications -A"
        )
    return body


def understood(body: Json) -> Application:
    """The Application that an object is; raises Terminal where another version of Shipslog wrote it."""
    try:
        return application(body)
    except (msgspec.ValidationError, KeyError) as error:
        raise Terminal(
            f"Application {body['metadata']['name']} is not understood: {error}",
            remedy="use the version of shipslog that the cluster has",
        ) from None


async def read_all(cluster: Cluster, kind: Kind, namespace: str, names: Sequence[str]) -> list[Json]:
    """Objects of one of our kinds, by namespace and name; of those that are named, all must be there."""
    if not names:
        found = await cluster.list(API_VERSION, kind.kind, namespace=namespace if kind.namespaced else "")
        return sorted(found, key=lambda body: (body["metadata"].get("namespace", ""), body["metadata"]["name"]))
    bodies = []
    for text in names:
        key = key_of(text, namespace) if kind.namespaced else Key("", text)
        body = await cluster.get(ObjectId(GROUP, kind.kind, key.namespace, key.name), API_VERSION)
        if body is None:
            where = f" in namespace {key.namespace}" if key.namespace else ""
            raise NotFound(f"there is no {kind.kind} {key.name!r}{where}", remedy=f"shipslog get {kind.plural} -A")
        bodies.append(body)
    return bodies
