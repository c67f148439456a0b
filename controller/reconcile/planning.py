"""What must change? Ask the server only where wish or live object moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from controller.apply.foresee import IN_FLIGHT, Refusals, foresee
from controller.apply.order import ordered
from controller.apply.together import together
from controller.diff.ignored import left
from controller.diff.plan import (
    baseline_of,
    foreign_installation,
    foreign_owner,
    mark,
    needs_question,
    prune_step,
    step_of,
    unchanged,
)
from controller.errors import Terminal
from controller.model.application import DIGEST, Application, InventoryEntry
from controller.model.labels import owner_value
from controller.model.live import Foreseen
from controller.model.objects import Key, ObjectId
from controller.model.plan import Action, Plan, Step
from controller.model.run import Trigger
from controller.reconcile.autoscaling import scaled
from controller.reconcile.deleting import home_of
from controller.reconcile.handover import Heirs, doubt, heirs, keeps
from controller.reconcile.rooms import NO_PRUNE
from controller.reconcile.whereabouts import whereabouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.manifest import Manifest
    from controller.reconcile.fleet import Target
    from controller.reconcile.rooms import Memory, Rooms, Wish


class Owned(Terminal):
    """Objects belong to other Applications."""


async def examine_checks(app: Application, target: Target) -> None:
    """Raise Terminal for a health check that no object can be judged by, whether there is such an object or not."""
    for number, check in enumerate(app.spec.health_checks):
        if fault := await target.live.fault(check):
            raise Terminal(f"spec.healthChecks[{number}].{fault}", remedy="correct the expression: it is CEL")


async def plan_of(
    app: Application,
    memory: Memory,
    wish: Wish,
    target: Target,
    rooms: Rooms,
    *,
    full: bool,
    refusals: Refusals = "raised",
) -> Plan:
    """The plan; `full` compares every object, whatever the watches say.

    Raises Terminal that names all objects the server refuses, but for `refusals`, or those that another Application
    owns.
    """
    watch(app, wish, target, rooms)
    asked = [manifest for manifest in wish.manifests if full or _moved(manifest, memory, target)]
    if asked:  # nobody watches what is shared: it may be gone, and the others with it
        asked += [manifest for manifest in wish.manifests if not manifest.owned and manifest not in asked]
    asked = await scaled(asked, wish.manifests, target.client, memory)
    former = rooms.former_managers
    foreseen = await foresee(target.client, asked, wished=wish.manifests, former=former, leave=left, refusals=refusals)
    await _refuse_foreign(app, asked, foreseen, target, rooms)
    stood = has_stood(app, wish)
    heals = app.spec.sync.mode == "auto" and app.spec.sync.self_heal
    here = home_of(app) == app.spec.destination.cluster
    applied = {entry.id: entry.digest for entry in app.status.inventory if entry.digest and here}
    steps = [
        _owned(
            _step(
                manifest,
                foreseen.get(manifest.id),
                memory,
                stood=stood or applied.get(manifest.id) == manifest.digest[:DIGEST],
            ),
            memory,
            heals=heals,
        )
        for manifest in wish.manifests
    ]
    prunes = await _prunes(app, memory, wish, target, rooms, full=full)
    return Plan((*ordered(steps), *wish.skipped, *prunes))


def watch(app: Application, wish: Wish, target: Target, rooms: Rooms) -> None:
    """Have the kinds of the Application's objects watched, and its objects judged by its own checks."""
    owner = owner_value(rooms.installation, app.key)
    # What left Git and stays is ours, too.
    kinds = {(entry.api_version, entry.kind) for entry in app.status.inventory}
    target.live.want([*kinds, *((manifest.api_version, manifest.id.kind) for manifest in wish.manifests)], owner)
    target.live.check(owner, app.spec.health_checks)


def has_stood(app: Application, wish: Wish) -> bool:
    """Whether this very wish was fully written before: then whatever differs now is drift."""
    last = app.status.last_run
    return last is not None and last.applied and last.digest == wish.digest


def _moved(manifest: Manifest, memory: Memory, target: Target) -> bool:
    baseline = memory.baselines.get(manifest.id)
    if not manifest.owned:
        return baseline is None or baseline.manifest != manifest.digest
    if str(manifest.id) in memory.notes:
        return True  # who has some of its fields may be gone, and no watch tells of that
    watched = target.live.watched(manifest.id.group_kind)
    return needs_question(manifest, baseline, mark(baseline, target.live.view(manifest.id), watched=watched))


def _step(manifest: Manifest, foreseen: Foreseen | None, memory: Memory, *, stood: bool) -> Step:
    if foreseen is None:
        return unchanged(manifest)
    known = memory.baselines.get(manifest.id)
    stood = stood or (known is not None and known.manifest == manifest.digest)
    step = step_of(manifest, foreseen, stood=stood, baseline=known)
    if step.action is Action.UNCHANGED and foreseen.live is not None:
        memory.baselines[manifest.id] = baseline_of(manifest, foreseen.live)
    return step


def _owned(step: Step, memory: Memory, *, heals: bool) -> Step:
    """Where nothing is healed, an object with every value of Git's is in order, whoever owns its fields.

    Our managedFields entry tells nothing of the next foreign write to them, so every change of it is looked at.
    """
    if heals or not step.drifted or step.action is not Action.UPDATE or step.changes:
        memory.unowned.discard(step.id)
        return step
    memory.unowned.add(step.id)
    memory.baselines.pop(step.id, None)
    return msgspec.structs.replace(step, action=Action.UNCHANGED, reason="", drifted=False, attribution=None)


async def _prunes(
    app: Application, memory: Memory, wish: Wish, target: Target, rooms: Rooms, *, full: bool
) -> tuple[Step, ...]:
    memory.kept = {}
    if home_of(app) != app.spec.destination.cluster:
        return ()  # what stands in another cluster is pruned there, before anything is written here
    wanted = wish.by_id
    known, memory.staying = {} if full else memory.staying, {}
    steps: list[Step] = []
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def look(entry: InventoryEntry) -> None:
        async with gate:
            step = await _leftover(entry, known.get(entry.id), memory, target, owner_value(rooms.installation, app.key))
        if step and step.action is Action.PRUNE and not app.spec.sync.prune:
            step = msgspec.structs.replace(step, action=Action.SKIP, reason=NO_PRUNE)
        if step:
            steps.append(step)

    await together("look", (look(entry) for entry in app.status.inventory if entry.id not in wanted))
    # What empties an Application is refused as such: no other one's wish has to be known for that.
    refused = not app.spec.sync.allow_empty and not any(manifest.owned for manifest in wish.manifests)
    meant = {step.id for step in steps if step.action is Action.SKIP and not step.going}
    steps = await _handed_over(app, steps, target, rooms, refused=refused)
    memory.kept = {str(step.id): step.reason for step in ordered(steps) if step.id in meant and not step.released}
    return tuple(reversed(ordered(steps)))


async def _leftover(
    entry: InventoryEntry, known: tuple[str, Step] | None, memory: Memory, target: Target, owner: str
) -> Step | None:
    """The step of an object that left Git; one that is watched and has not moved costs no request."""
    view = target.live.view(entry.id) if target.live.watched(entry.id.group_kind) else None
    if known and view and view.owner == owner and view.resource_version == known[0]:
        memory.staying[entry.id] = known
        return known[1]
    live, version = await whereabouts(target.client, entry)
    step = prune_step(entry.id, version, live, owner)
    if step and live and not step.going and not step.released:
        memory.staying[entry.id] = live["metadata"]["resourceVersion"], step
    return step


async def _handed_over(
    app: Application, steps: Sequence[Step], target: Target, rooms: Rooms, *, refused: bool
) -> list[Step]:
    """What another Application wants by now is not pruned: it is that one's from here on."""
    leaving = [step.id for step in steps if not step.released and not step.going]
    found = await heirs(app, leaving, target, rooms)
    for key in set(found.taken.values()):
        rooms.queue.put(key, Trigger.DRIFT)
    pruned = [step.id for step in steps if step.action is Action.PRUNE and step.id not in found.taken]
    why = doubt(app, found if pruned and not refused else Heirs({}, {}), rooms)
    return [_left(step, found.taken.get(step.id), why) for step in steps]


def _left(step: Step, heir: Key | None, why: str) -> Step:
    """The step of an object that another one may want, or wants."""
    if heir is not None:
        reason = f"Application {heir} has it from now on"
        return msgspec.structs.replace(step, action=Action.SKIP, reason=reason, released=True)
    if why and step.action is Action.PRUNE:
        return msgspec.structs.replace(step, action=Action.SKIP, reason=f"it is not deleted yet: {why}")
    return step


async def _refuse_foreign(
    app: Application,
    manifests: Iterable[Manifest],
    foreseen: Mapping[ObjectId, Foreseen],
    target: Target,
    rooms: Rooms,
) -> None:
    """An object that another Application has and still wants is never taken over: the first owner keeps it."""
    owner = owner_value(rooms.installation, app.key)
    held: dict[Key, list[ObjectId]] = {}
    taken: list[str] = []
    for manifest in manifests:
        live = foreseen[manifest.id].live
        if manifest.owned and (other := foreign_installation(live, rooms.installation)):
            taken.append(f"{manifest.id} belongs to another installation, {other}")
            continue
        value = foreign_owner(live, owner) if manifest.owned else ""
        holder = rooms.registry.owners.get(value)
        if holder is not None and holder != app.key:
            held.setdefault(holder, []).append(manifest.id)
    for key, objects in sorted(held.items()):
        holder_app = rooms.registry.applications.get(key)
        kept = await keeps(holder_app, objects, target, rooms) if holder_app else frozenset()
        taken += [f"{wanted} belongs to Application {key}" for wanted in sorted(kept)]
    if taken:
        for key in held:
            rooms.queue.put(key, Trigger.HEALTH)  # it says so, too
        raise Owned("; ".join(taken), remedy="remove it from one of the two, or give it another name")
