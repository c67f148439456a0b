"""From a rendered object to one that is ours: namespace, labels, annotation, digest."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import msgspec

from controller.diff.redact import is_secret
from controller.errors import Terminal
from controller.model.base import Json
from controller.model.canonical import digest
from controller.model.ignore import IgnoreDifference
from controller.model.labels import (
    APPLICATION_ANNOTATION,
    BUCKET_LABEL,
    INSTALLATION_LABEL,
    OWNER_LABEL,
    bucket,
    owner_value,
)
from controller.model.manifest import Manifest
from controller.model.objects import Key, object_id

SERVER_SIDE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
"""Metadata that only a server sets; server-side apply refuses some of it, and none of it is a wish."""


class Ownership:
    """The marks that one Application puts on its objects."""

    def __init__(self, installation: str, application: Key) -> None:
        self.owner = owner_value(installation, application)
        self.labels = {
            OWNER_LABEL: self.owner,
            BUCKET_LABEL: str(bucket(application)),
            INSTALLATION_LABEL: installation,
        }
        self.annotations = {APPLICATION_ANNOTATION: str(application)}


def claim(
    body: Json,
    source: str,
    *,
    namespaced: bool,
    namespace: str,
    ownership: Ownership,
    ignored: Sequence[IgnoreDifference] = (),
) -> Manifest:
    """Make a rendered object ours; `ignored` are the rules about all objects.

    Raises Terminal, naming object and file, where a cluster-scoped kind names a namespace, and for labels and
    annotations that are none.
    """
    metadata: Json = {name: value for name, value in (body.get("metadata") or {}).items() if name not in SERVER_SIDE}
    if namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    elif metadata.get("namespace"):
        raise Terminal(
            f"{source}: {body['kind']} {metadata['name']} is cluster-scoped, but metadata.namespace is "
            f"{metadata['namespace']!r}",
            remedy="remove metadata.namespace",
        )
    for name, ours in (("labels", ownership.labels), ("annotations", ownership.annotations)):
        theirs = metadata.get(name) or {}
        if not isinstance(theirs, Mapping):
            raise Terminal(
                f"{source}: {body['kind']} {metadata['name']}: metadata.{name} must be a mapping",
                remedy="write each as NAME: VALUE",
            )
        metadata[name] = {**theirs, **ours}
    wish = _encoded({name: value for name, value in body.items() if name != "status"} | {"metadata": metadata})
    subject = object_id(wish)
    rules = tuple(rule for rule in ignored if rule.covers(subject))
    return Manifest(subject, wish["apiVersion"], wish, _digest(wish, rules), source, rules)


def _digest(wish: Json, rules: Sequence[IgnoreDifference]) -> str:
    """With the rules: when they change, what they were about is another wish, and is looked at again."""
    return digest([wish, msgspec.to_builtins(rules)]) if rules else digest(wish)


def _encoded(body: Json) -> Json:
    """A Secret's `stringData` as the `data` that the server makes of it.

    An apply of `stringData` owns no field of what it becomes: a foreign write to it would go unnoticed.
    """
    texts = body.get("stringData")
    if (
        not is_secret(body)
        or not isinstance(texts, Mapping)
        or not isinstance(body.get("data") or {}, Mapping)
        or not all(isinstance(text, str) for text in texts.values())
    ):
        return body
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    rest = {name: value for name, value in body.items() if name != "stringData"}
    return rest | {"data": {**(body.get("data") or {}), **data}}
