"""Objects that move between Applications: handed over to the one that wants them now, never deleted in between.

One commit may take an object out of one Application and put it into another, and either may be looked at first. So
before an object is pruned, or refused because it is another's, the wishes of the others are brought up to date.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from controller.errors import ShipslogError, Terminal
from controller.model.run import Trigger
from controller.reconcile.claims import Claim
from controller.reconcile.queue import Work
from controller.reconcile.rooms import Memory, Rooms, memory_of
from controller.reconcile.wish import wish_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from controller.model.application import Application
    from controller.model.objects import Key, ObjectId
    from controller.model.revision import Revision
    from controller.reconcile.fleet import Target
    from controller.reconcile.rooms import Wish

PATIENCE = 10.0
"""Seconds that bringing the others' wishes up to date may take; one that is not by then is taken as last known."""
AT_ONCE = 8


def claim(app: Application, wish: Wish, rooms: Rooms) -> None:
    """Take down what an Application wants, and have those looked at whom that concerns."""
    objects = frozenset(manifest.id for manifest in wish.manifests if manifest.owned)
    made_of = (app.uid, app.generation, wish.revision.sha)
    for concerned in rooms.claims.put(app.key, Claim(app.spec.destination.cluster, objects, made_of)):
        rooms.queue.put(concerned, Trigger.DRIFT)


def forgo(app: Application, rooms: Rooms) -> None:
    """An Application goes: whoever wants the same objects may have them."""
    for concerned in rooms.claims.put(app.key, None):
        rooms.queue.put(concerned, Trigger.DRIFT)


async def heirs(
    app: Application, objects: Collection[ObjectId], target: Target, rooms: Rooms
) -> Mapping[ObjectId, Key]:
    """Which of these objects, that an Application no longer wants, another one wants by now."""
    if not objects:
        return {}
    cluster = target.client.name
    others = [other for other in rooms.registry.applications.values() if other.key != app.key and not other.deleting]
    await _refresh((other for other in others if other.spec.destination.cluster == cluster), target, rooms)
    living = {other.key for other in others}
    found = {
        wanted: [key for key in rooms.claims.others(app.key, cluster, wanted) if key in living] for wanted in objects
    }
    return {wanted: keys[0] for wanted, keys in found.items() if keys}


async def keeps(holder: Application, wanted: Collection[ObjectId], target: Target, rooms: Rooms) -> frozenset[ObjectId]:
    """Which of these objects, that bear its label, an Application still wants."""
    if holder.deleting or holder.spec.destination.cluster != target.client.name:
        return frozenset()
    await _refresh([holder], target, rooms)
    known = rooms.claims.of(holder.key)
    if known is not None:
        return known.objects & frozenset(wanted)
    # Its repository or its rendering fails: what it owned it may want again.
    return frozenset(entry.id for entry in holder.status.inventory) & frozenset(wanted)


async def _refresh(apps: Iterable[Application], target: Target, rooms: Rooms) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    revisions: dict[object, Revision | None] = {}
    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for app in list(apps):
                group.create_task(_renew(app, target, rooms, gate, revisions), name=f"wish of {app.key}")
    except TimeoutError:
        return


async def _renew(
    app: Application, target: Target, rooms: Rooms, gate: asyncio.Semaphore, revisions: dict[object, Revision | None]
) -> None:
    async with gate:
        known = rooms.claims.of(app.key)
        try:
            sha = await _newest(app, rooms, revisions)
            if known is not None and known.made_of == (app.uid, app.generation, sha):
                return
            own = memory_of(rooms, app)
            scratch = Memory(app.uid, wish=own.wish, wish_source=own.wish_source)  # its own look may be under way
            wish = await wish_of(app, scratch, target, Work(app.key, frozenset({Trigger.REVISION})), rooms)
        except ShipslogError:
            return  # its own look says so
        claim(app, wish, rooms)


async def _newest(app: Application, rooms: Rooms, revisions: dict[object, Revision | None]) -> str:
    key = msgspec.structs.replace(app.key, name=app.spec.source.repository)
    place = (key, app.spec.source.ref)
    if place not in revisions:
        revisions[place] = None
        if key not in rooms.registry.repositories:
            raise Terminal(f"there is no Repository {key}")
        revisions[place] = await rooms.repositories.revision(key, app.spec.source.ref)
    found = revisions[place]
    return found.sha if found else ""
