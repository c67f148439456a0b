"""Options of one object, by its annotations: what of it may be written, replaced and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from controller.model.base import Json
from controller.model.labels import (
    CONFLICTS_ANNOTATION,
    HELM_POLICY_ANNOTATION,
    OBJECT_SYNC_ANNOTATION,
    PRUNE_ANNOTATION,
    REPLACE_ANNOTATION,
)

VALUES: Mapping[str, tuple[str, ...]] = {
    PRUNE_ANNOTATION: ("never", "disabled"),
    OBJECT_SYNC_ANNOTATION: ("never", "create-only"),
    REPLACE_ANNOTATION: ("allowed",),
    CONFLICTS_ANNOTATION: ("refuse",),
}
"""What each annotation may say. `disabled` is another word for `never`."""


class Options(msgspec.Struct, frozen=True):
    """What one object in Git asks for."""

    sync: Literal["always", "create-only", "never"] = "always"
    replace: bool = False
    """It may be deleted and created anew for a field that can't be changed."""
    force: bool = True
    """Fields of other managers are taken over."""


def options_of(body: Json) -> Options:
    """The options of an object in Git; raises ValueError that names each wrong annotation and what it may say."""
    said = _said(body)
    wrong = [
        f"annotation {name} is {said[name]!r}: it takes {' or '.join(values)}"
        for name, values in VALUES.items()
        if name in said and said[name] not in values
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    sync = said.get(OBJECT_SYNC_ANNOTATION)
    return Options(
        sync="never" if sync == "never" else "create-only" if sync == "create-only" else "always",
        replace=REPLACE_ANNOTATION in said,
        force=CONFLICTS_ANNOTATION not in said,
    )


def kept(live: Json) -> str:
    """Why a live object must never be deleted by us; empty where it may. A word we don't know keeps it, too."""
    said = _said(live)
    if PRUNE_ANNOTATION in said:
        return f"its annotation {PRUNE_ANNOTATION} is {said[PRUNE_ANNOTATION]}"
    if said.get(HELM_POLICY_ANNOTATION) == "keep":
        return f"its annotation {HELM_POLICY_ANNOTATION} is keep"
    if said.get(OBJECT_SYNC_ANNOTATION) == "never":
        return f"its annotation {OBJECT_SYNC_ANNOTATION} is never"
    return ""


def untouched(live: Json) -> str:
    """Why a live object must not be written, by its own annotation; empty where it may."""
    named = _said(live).get(OBJECT_SYNC_ANNOTATION) == "never"
    return f"its annotation {OBJECT_SYNC_ANNOTATION} is never" if named else ""


def _said(body: Json) -> Mapping[str, str]:
    annotations = (body.get("metadata") or {}).get("annotations")
    return annotations if isinstance(annotations, Mapping) else {}
