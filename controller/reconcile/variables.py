"""Values for `${name}` in rendered objects, read from ConfigMaps and Secrets beside the Application."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import defaultdict
from typing import TYPE_CHECKING

from controller import logs
from controller.errors import ShipslogError, Terminal
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.reconcile.rooms import Memory, Rooms, missing
from controller.render.request import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.application import Application
    from controller.model.base import Json
    from controller.model.objects import Key
    from controller.model.postbuild import SubstituteReference
    from controller.ports import Cluster

INTERVAL = 5.0
"""Seconds between two looks at what Applications refer to: a changed value is used after about that long."""
RATE = 20.0
"""Questions in a second, at most about: with very many references, a look takes longer to come."""
_log = logs.get_logger(__name__)


async def variables_of(app: Application, memory: Memory, home: Cluster) -> Variables | None:
    """All values, later references over earlier ones, the Application's own over all; None where nothing is filled in.

    Raises Terminal that names a reference which leads nowhere, and the cluster's errors.
    """
    wanted = app.spec.source.post_build
    if wanted is None:
        return None
    values: dict[str, str] = {}
    secret: set[str] = set()
    for index, reference in enumerate(wanted.substitute_from):
        found = await _read(app, reference, memory, home)
        if found is None and not reference.optional:
            error = Terminal(
                f"spec.source.postBuild.substituteFrom[{index}]: there is no {reference.kind} {reference.name!r} in "
                f"namespace {app.key.namespace}",
                remedy="create it there, or say that it is optional",
            )
            raise missing(memory, error)
        named = _values(found or {}, reference, app)
        values |= named
        secret = secret | set(named) if reference.kind == "Secret" else secret - set(named)
    own = wanted.substitute or {}
    values |= own
    if not values and wanted.substitute_strategy == "WithVariables":
        return None
    return Variables(values=values, secret=tuple(sorted(secret - set(own))))


async def _read(app: Application, reference: SubstituteReference, memory: Memory, home: Cluster) -> Json | None:
    object_id = ObjectId("", reference.kind, app.key.namespace, reference.name)
    found = await home.get(object_id, "v1")
    memory.references[object_id] = _version(found)
    return found


def _values(body: Json, reference: SubstituteReference, app: Application) -> Mapping[str, str]:
    data = body.get("data") or {}
    if reference.kind == "ConfigMap":
        return dict(data)
    try:
        return {name: base64.b64decode(value, validate=True).decode() for name, value in data.items()}
    except (binascii.Error, UnicodeDecodeError):
        raise Terminal(
            f"Secret {app.key.namespace}/{reference.name} holds a value that is no text",
            remedy="refer to a Secret that holds texts only",
        ) from None


def _version(body: Json | None) -> str:
    return "" if body is None else f"{body['metadata']['uid']} {body['metadata']['resourceVersion']}"


async def watch_variables(rooms: Rooms) -> None:
    """Have Applications looked at whose variables changed, for ever.

    Asked for by name, one by one: listing or watching the Secrets of a namespace would need the right to read them all.
    """
    while True:
        asked = await look_again(rooms)
        await asyncio.sleep(max(INTERVAL, asked / RATE))


async def look_again(rooms: Rooms) -> int:
    """Ask once for everything that Applications refer to; how much that is."""
    users: dict[ObjectId, list[tuple[Key, str]]] = defaultdict(list)
    for key, memory in rooms.memories.items():
        for object_id, version in memory.references.items():
            users[object_id].append((key, version))
    for object_id, known in users.items():
        try:
            version = _version(await rooms.registry.home.get(object_id, "v1"))
        except ShipslogError as error:
            _log.warning("Variables could not be read", object=str(object_id), error=str(error))
            continue
        for key, used in known:
            if used != version:
                rooms.queue.put(key, Trigger.SPEC)
    return len(users)
