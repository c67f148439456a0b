"""The destination's namespace, where an Application asks for it to be created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.canonical import digest
from controller.model.labels import MANAGER
from controller.model.manifest import Manifest
from controller.model.objects import object_id

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.objects import Key
    from controller.model.sync import CreateNamespace


def shared_namespace(name: str, wish: CreateNamespace, application: Key) -> Manifest:
    """The Namespace as this Application wants it.

    Several may want the same, so each has a field manager of its own, and nobody owns it. Labels that others gave it
    stay; of ours, those that leave the spec go.
    """
    metadata: Json = {"name": name}
    if wish.labels:
        metadata["labels"] = dict(wish.labels)
    if wish.annotations:
        metadata["annotations"] = dict(wish.annotations)
    body: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return Manifest(
        object_id(body),
        "v1",
        body,
        digest(body),
        "spec.sync.createNamespace",
        owned=False,
        manager=f"{MANAGER}/{application}"[:128],
    )
