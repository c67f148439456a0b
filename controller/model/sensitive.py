"""Values that must never leave: what a Secret holds, what repeats it, and what people put into environments.

- Of a Secret: everything under `data` and `stringData`, and annotations but our own, as tools repeat objects in them.
- Of an object that a Secret's value was filled into: everything but what it is.
- Of any object: annotations in which tools keep what they applied last, and literal `value`s of environment variables:
  a password set there by hand would stand in an append-only log for ever.
Names of keys, fields and variables stay.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from controller.model.base import Json
from controller.model.labels import CONFIDENTIAL_ANNOTATION, GROUP

REDACTED = "(redacted)"
LAST_APPLIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kopf.zalando.org/last-handled-configuration",
    "objectset.rio.cattle.io/applied",
    "banzaicloud.com/last-applied",
)
"""Annotations in which tools keep whole objects."""
SHORTEST = 6
"""Characters of the shortest value that is looked for inside of other text."""


def is_secret(body: Json) -> bool:
    """Whether the object is a core/v1 Secret."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def masked(body: Json, parts: tuple[str, ...], value: Any) -> Any:
    """A value at a place of the object, in which all that must not leave is replaced."""
    if isinstance(value, dict):
        return {name: masked(body, (*parts, name), below) for name, below in value.items()}
    if isinstance(value, list):
        return [masked(body, (*parts, str(index)), below) for index, below in enumerate(value)]
    return REDACTED if value is not None and is_sensitive(body, parts) else value


def is_sensitive(body: Json, parts: tuple[str, ...]) -> bool:
    """Whether the value at this place of the object must not leave."""
    secret = is_secret(body)
    if is_confidential(body):
        return bool(parts) and not _names_it(parts)
    if parts[:2] == ("metadata", "annotations"):
        name = parts[2] if len(parts) > 2 else ""
        return name in LAST_APPLIED or (secret and not name.startswith(f"{GROUP}/"))
    if secret:
        return not parts or parts[0] in {"data", "stringData"}
    return len(parts) > 3 and parts[-3] == "env" and parts[-1] == "value"


def is_confidential(body: Json) -> bool:
    """Whether a Secret's value was filled into the object, somewhere."""
    annotations = (body.get("metadata") or {}).get("annotations")
    return isinstance(annotations, dict) and CONFIDENTIAL_ANNOTATION in annotations


def _names_it(parts: tuple[str, ...]) -> bool:
    """Whether the place says which object it is, or is ours."""
    if parts[0] in {"apiVersion", "kind"}:
        return True
    ours = len(parts) > 2 and parts[1] in {"labels", "annotations"} and parts[2].startswith(f"{GROUP}/")
    return parts[0] == "metadata" and (ours or parts[1:2] in {("name",), ("namespace",)})


def scrub(body: Json, text: str) -> str:
    """A text about this object, such as an error of the server, without the values of it that must not leave."""
    for value in sorted(set(_values(body)), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return text


def _values(body: Json) -> Iterator[str]:
    for parts, value in _leaves((), body):
        if isinstance(value, str) and is_sensitive(body, parts):
            yield from _forms(value, encoded=is_secret(body) and parts[0] == "data")


def _forms(value: str, *, encoded: bool) -> Iterator[str]:
    """A value as texts have it: as it is, quoted, encoded and decoded."""
    forms = {value, msgspec.json.encode(value).decode()[1:-1]}
    if encoded:
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):  # what is no base64 stands in texts as it is
            forms.add(base64.b64decode(value, validate=True).decode())
    yield from (form for form in forms if len(form) >= SHORTEST)


def _leaves(parts: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves((*parts, name), below)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _leaves((*parts, str(index)), below)
    else:
        yield parts, value
