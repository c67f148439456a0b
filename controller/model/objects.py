"""Identity of objects in a cluster."""

from __future__ import annotations

from typing import Self

import msgspec

from controller.model.base import Json


class Key(msgspec.Struct, frozen=True, order=True):
    """Namespace and name of an Application, a Repository or another namespaced object of ours."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `namespace/name`; raises ValueError for any other form."""
        namespace, slash, name = text.partition("/")
        if not (slash and namespace and name) or "/" in name:
            raise ValueError(f"{text!r} is not of the form namespace/name")
        return cls(namespace, name)


class GroupKind(msgspec.Struct, frozen=True, order=True):
    """API group (empty for the core group) and kind."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class ObjectId(msgspec.Struct, frozen=True, order=True):
    """What makes an object the same object, whatever version it is written in.

    `namespace` is empty for cluster-scoped kinds.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.group_kind} {place}"

    @property
    def group_kind(self) -> GroupKind:
        """The group and kind without the name."""
        return GroupKind(self.group, self.kind)


def group_of(api_version: str) -> str:
    """The API group of an `apiVersion` ("" for the core group)."""
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


def object_id(body: Json) -> ObjectId:
    """Identity of a decoded object; raises KeyError when apiVersion, kind or metadata.name is missing."""
    metadata = body["metadata"]
    return ObjectId(group_of(body["apiVersion"]), body["kind"], metadata.get("namespace") or "", metadata["name"])


class Definition(msgspec.Struct, frozen=True):
    """What a CustomResourceDefinition defines."""

    kind: GroupKind
    namespaced: bool


def definition_of(body: Json) -> Definition | None:
    """What the object defines; None where it is no CustomResourceDefinition, or too malformed to say."""
    spec = body.get("spec")
    if body.get("kind") != "CustomResourceDefinition" or not isinstance(spec, dict):
        return None
    names, group = spec.get("names"), spec.get("group")
    kind = names.get("kind") if isinstance(names, dict) else None
    if not isinstance(kind, str) or not isinstance(group, str):
        return None
    return Definition(GroupKind(group, kind), spec.get("scope") == "Namespaced")
