"""Objects that move between Applications: handed over to the one that wants them now, never deleted in between.

One commit may take an object out of one Application and put it into another, and either may be looked at first. So
before an object is pruned, or refused because it is another's, the wishes of the others are brought up to date.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from controller import faults, logs
from controller.errors import NotReady, ShipslogError, Terminal
from controller.model.run import Trigger
from controller.reconcile.claims import Claim, Doubt, Unknown
from controller.reconcile.fault import InternalError
from controller.reconcile.queue import Work
from controller.reconcile.rooms import Memory, Rooms, memory_of
from controller.reconcile.wish import wish_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from controller.model.application import Application
    from controller.model.objects import Key, ObjectId
    from controller.model.revision import Revision
    from controller.reconcile.fleet import Target
    from controller.reconcile.rooms import Wish

PATIENCE = 10.0
"""Seconds that bringing the others' wishes up to date may take in one look."""
AT_ONCE = 8
AGAIN = 60.0
"""Seconds until a wish is worked out again that failed by itself or took too long, while nothing of it changes."""
LONGEST_DOUBT = 600.0
"""Seconds for which others that may want objects, and can't say so, keep them from being deleted."""
_log = logs.get_logger(__name__)


class Heirs(NamedTuple):
    """Who wants which of the objects that an Application no longer wants, and whose wishes are not known."""

    taken: Mapping[ObjectId, Key]
    unknown: Mapping[Key, ShipslogError]


def claim(app: Application, wish: Wish, rooms: Rooms) -> None:
    """Take down what an Application wants, and have those looked at whom that concerns."""
    objects = frozenset(manifest.id for manifest in wish.manifests if manifest.owned)
    made_of = (app.uid, app.generation, wish.revision.sha)
    for concerned in rooms.claims.put(app.key, Claim(app.spec.destination.cluster, objects, made_of)):
        rooms.queue.put(concerned, Trigger.DRIFT)


def claim_at_first(app: Application, wish: Wish, rooms: Rooms) -> None:
    """Take down that an Application has what was applied last, as long as nobody knows whether it wants another thing.

    A wish that is newer is never overwritten by it, be it refused: others must hear of what it asks for.
    """
    if rooms.claims.of(app.key) is None and app.key not in rooms.claims.unknown:
        claim(app, wish, rooms)


def stands_at(app: Application, old: Revision, new: Revision, rooms: Rooms) -> None:
    """Take down that an Application wants the same at another commit: nobody works its wish out for that."""
    known = rooms.claims.of(app.key)
    if known is not None and known.made_of == (app.uid, app.generation, old.sha):
        rooms.claims.put(app.key, msgspec.structs.replace(known, made_of=(app.uid, app.generation, new.sha)))


def forgo(app: Application, rooms: Rooms) -> None:
    """An Application goes: whoever wants the same objects may have them."""
    for concerned in rooms.claims.put(app.key, None):
        rooms.queue.put(concerned, Trigger.DRIFT)


def unclear(app: Application, revision: Revision | None, error: ShipslogError, rooms: Rooms) -> None:
    """Take down that an Application's own look ended before anybody knew what it wants: nobody tries it for others."""
    known, made_of = rooms.claims.of(app.key), (app.uid, app.generation, revision.sha if revision else "")
    if revision is not None and not _passing(error) and (known is None or known.made_of != made_of):
        rooms.claims.unknown[app.key] = Unknown(made_of, error, math.inf)


async def heirs(app: Application, objects: Collection[ObjectId], target: Target, rooms: Rooms) -> Heirs:
    """Which of these objects, that an Application no longer wants, another one wants by now."""
    if not objects:
        return Heirs({}, {})
    cluster = target.client.name
    others = [other for other in rooms.registry.applications.values() if other.key != app.key and not other.deleting]
    unknown = await _refresh([other for other in others if other.spec.destination.cluster == cluster], target, rooms)
    living = {other.key for other in others}
    found = {
        wanted: [key for key in rooms.claims.others(app.key, cluster, wanted) if key in living] for wanted in objects
    }
    return Heirs({wanted: keys[0] for wanted, keys in found.items() if keys}, unknown)


def doubt(app: Application, found: Heirs, rooms: Rooms, *, gone: bool = False) -> str:
    """Why nothing of the Application may be deleted yet, for `LONGEST_DOUBT` at most; empty where it may.

    Whoever fails in passing may want the objects, and will say so soon. What fails by itself, as a mistake in Git does,
    counts as well where both have the same namespace or repository, for a commit may move objects and be wrong: it
    must not do so elsewhere, nor where the Application is `gone` and somebody waits for its objects to go.
    """
    near = {
        key: error for key, error in found.unknown.items() if _passing(error) or (not gone and _near(app, key, rooms))
    }
    now = time.monotonic()
    if not near:
        rooms.claims.doubts.pop(app.key, None)
        return ""
    named = sorted(near.items())
    why = "; ".join(
        f"Application {key} may want it, and can't say so: {error.message}"[:512] for key, error in named[:2]
    )
    why += f"; and {len(named) - 2} more" if len(named) > 2 else ""
    known = rooms.claims.doubts.get(app.key)
    rooms.claims.doubts[app.key] = Doubt(known.since if known else now, why)
    if known and now - known.since >= LONGEST_DOUBT:
        _log.warning("Others did not say in time whether they want objects", application=str(app.key), reason=why)
        return ""
    return why


def patience(app: Application, rooms: Rooms) -> float:
    """Seconds until it is worth looking again whether the doubt is gone; 0 while there is none."""
    known = rooms.claims.doubts.get(app.key)
    if known is None:
        return 0.0
    return min(max(2.0, (time.monotonic() - known.since) / 2), AGAIN)


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


async def _refresh(apps: Collection[Application], target: Target, rooms: Rooms) -> Mapping[Key, ShipslogError]:
    """Bring the wishes up to date; gives those that could not be, and why."""
    gate = asyncio.Semaphore(AT_ONCE)
    revisions: dict[object, Revision | None] = {}
    late = NotReady(f"its wish was not worked out within {PATIENCE:.0f} s", after=AGAIN)
    unknown: dict[Key, ShipslogError] = {app.key: late for app in apps}

    async def renew(app: Application) -> None:
        async with gate:
            faults.subject.set(app.key.name)
            try:
                await _renew(app, target, rooms, revisions)
            except ShipslogError as error:
                unknown[app.key] = error  # its own look says so
            except Exception as error:  # noqa: BLE001 - whose fault it is must not fail whoever asks
                _log.exception("Wish of another Application hit a fault", other=str(app.key))
                unknown[app.key] = InternalError(error, f"Application {app.key}")
            else:
                del unknown[app.key]

    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for app in apps:
                group.create_task(renew(app), name=f"wish of {app.key}")
    except TimeoutError:
        pass  # whoever was not heard is unknown
    return unknown


async def _renew(app: Application, target: Target, rooms: Rooms, revisions: dict[object, Revision | None]) -> None:
    made_of = (app.uid, app.generation, await _newest(app, rooms, revisions))
    known, failed = rooms.claims.of(app.key), rooms.claims.unknown.get(app.key)
    if known is not None and known.made_of == made_of:
        return
    if failed is not None and failed.made_of == made_of and time.monotonic() < failed.until:
        raise failed.error
    own = memory_of(rooms, app)
    scratch = Memory(app.uid, wish=own.wish, wish_source=own.wish_source)  # its own look may be under way
    late = NotReady(f"its wish was not worked out within {PATIENCE:.0f} s", after=AGAIN)
    rooms.claims.unknown[app.key] = Unknown(made_of, late, time.monotonic() + AGAIN)
    try:
        wish = await wish_of(app, scratch, target, Work(app.key, frozenset({Trigger.REVISION})), rooms)
    except Exception as error:
        known_as = error if isinstance(error, ShipslogError) else InternalError(error, f"Application {app.key}")
        until = 0.0 if _passing(known_as) else time.monotonic() + AGAIN
        rooms.claims.unknown[app.key] = Unknown(made_of, known_as, until)
        raise
    present = rooms.registry.applications.get(app.key)
    if present is not None and present.uid == app.uid:
        claim(app, wish, rooms)


def _passing(error: ShipslogError) -> bool:
    return not isinstance(error, Terminal | InternalError)


def _near(app: Application, key: Key, rooms: Rooms) -> bool:
    """Whether objects may well move between the two: they have the same namespace, or the same repository."""
    other = rooms.registry.applications.get(key)
    if other is None or key.namespace == app.key.namespace:
        return other is not None
    urls = {_url(one, rooms) for one in (app, other)}
    return len(urls) == 1 and urls != {""}


def _url(app: Application, rooms: Rooms) -> str:
    repository = rooms.registry.repositories.get(msgspec.structs.replace(app.key, name=app.spec.source.repository))
    return repository.spec.url if repository else ""


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
