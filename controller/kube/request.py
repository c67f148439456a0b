"""Request: one question to an API server, and what it is about."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from controller.kube.errors import Answer, Cause, Invalid
from controller.model.objects import ObjectId, group_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json
    from controller.ports import Resource

JSON = "application/json"


class Request(msgspec.Struct, frozen=True):
    """What to send. `verb` is RBAC's word for it, or ours for metrics; `about` names the object for people.

    `secret`: the kind is Secret, so nothing of the server's messages may be quoted.
    """

    verb: str
    method: str
    target: str
    about: str = ""
    accept: str = JSON
    body: bytes = b""
    content_type: str = JSON
    secret: bool = False
    sent_again: bool = True
    """Doing it twice is the same as once, so it is sent again when a kept connection broke."""


def path_of(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Path of a collection or an object; raises Invalid for a name that would lead elsewhere."""
    parts = ["/apis" if "/" in resource.api_version else "/api", resource.api_version]
    if resource.namespaced and namespace:
        parts += ["namespaces", segment(namespace, "metadata.namespace")]
    parts.append(resource.plural)
    if name:
        parts.append(segment(name, "metadata.name"))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


def segment(text: str, field: str) -> str:
    """One part of a path. Refuses what Kubernetes' IsValidPathSegmentName refuses: it can't name an object."""
    if text in {".", ".."} or "/" in text or "%" in text:
        raise _invalid(field, f"{field} {text!r} can't name an object", "use letters, digits, '-' and '.'")
    return quote(text, safe=":")


def target(path: str, query: Mapping[str, str]) -> str:
    """Path with its query; parameters with empty values are left out."""
    encoded = _encoded(tuple(query.items()))
    return f"{path}?{encoded}" if encoded else path


@functools.lru_cache(maxsize=256)  # every apply has the same, and encoding it costs a tenth of the request
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    return urlencode([(key, value) for key, value in query if value])


def is_secret(api_version: str, kind: str) -> bool:
    """Whether objects of this kind hold secrets."""
    return kind in {"Secret", "SecretList"} and not group_of(api_version)


def identity(body: Json) -> ObjectId:
    """The object's identity; raises Invalid that names the field when a part of it is missing or no text."""
    metadata = body.get("metadata") or {}
    parts = {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata.name": metadata.get("name") or metadata.get("generateName"),
    }
    for field, value in parts.items():
        if not isinstance(value, str) or not value:
            raise _invalid(field, f"{field} is missing in {body.get('kind') or 'an object'}")
    return ObjectId(
        group_of(body["apiVersion"]), body["kind"], metadata.get("namespace") or "", metadata.get("name") or ""
    )


def namespace_of(resource: Resource, object_id: ObjectId) -> str:
    """The namespace for the path; raises Invalid when a namespaced object names none."""
    if resource.namespaced and not object_id.namespace:
        raise _invalid("metadata.namespace", f"metadata.namespace is missing in {object_id}")
    return object_id.namespace


def _invalid(field: str, message: str, remedy: str = "") -> Invalid:
    return Invalid(message, remedy=remedy, answer=Answer(causes=(Cause(field, "FieldValueRequired", message),)))
