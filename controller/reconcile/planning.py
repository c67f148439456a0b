"""What must change? Ask the server only where wish or live object moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from controller.apply.foresee import foresee
from controller.apply.order import ordered
from controller.diff.ignored import left
from controller.diff.plan import baseline_of, foreign_owner, mark, needs_question, prune_step, step_of, unchanged
from controller.errors import Terminal
from controller.model.application import Application
from controller.model.labels import owner_value
from controller.model.live import Foreseen
from controller.model.objects import ObjectId
from controller.model.plan import Action, Plan, Step
from controller.reconcile.deleting import home_of

if TYPE_CHECKING:
    from controller.model.manifest import Manifest
    from controller.reconcile.fleet import Target
    from controller.reconcile.rooms import Memory, Rooms, Wish


async def plan_of(app: Application, memory: Memory, wish: Wish, target: Target, rooms: Rooms, *, full: bool) -> Plan:
    """The plan; `full` compares every object, whatever the watches say.

    Raises Terminal that names all objects the server refuses, or those that another Application owns.
    """
    target.live.want((manifest.api_version, manifest.id.kind) for manifest in wish.manifests)
    asked = [manifest for manifest in wish.manifests if full or _moved(manifest, memory, target)]
    if asked:  # nobody watches what is shared: it may be gone, and the others with it
        asked += [manifest for manifest in wish.manifests if not manifest.owned and manifest not in asked]
    foreseen = await foresee(target.client, asked, wished=wish.manifests, former=rooms.former_managers, leave=left)
    owner = owner_value(rooms.installation, app.key)
    _refuse_foreign(app, asked, foreseen, owner, rooms)
    stood = has_stood(app, wish)
    steps = [_step(manifest, foreseen.get(manifest.id), memory, stood=stood) for manifest in wish.manifests]
    prunes = await _prunes(app, wish, target, owner)
    return Plan((*ordered(steps), *wish.skipped, *prunes))


def has_stood(app: Application, wish: Wish) -> bool:
    """Whether this very wish was fully written before: then whatever differs now is drift."""
    last = app.status.last_run
    return last is not None and last.applied and last.digest == wish.digest


def _moved(manifest: Manifest, memory: Memory, target: Target) -> bool:
    baseline = memory.baselines.get(manifest.id)
    if not manifest.owned:
        return baseline is None or baseline.manifest != manifest.digest
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


async def _prunes(app: Application, wish: Wish, target: Target, owner: str) -> tuple[Step, ...]:
    if home_of(app) != app.spec.destination.cluster:
        return ()  # what stands in another cluster is pruned there, before anything is written here
    wanted = wish.by_id
    steps = []
    for entry in app.status.inventory:
        if entry.id in wanted:
            continue
        step = prune_step(entry.id, entry.api_version, await target.client.get(entry.id, entry.api_version), owner)
        if step and step.action is Action.PRUNE and not app.spec.sync.prune:
            step = msgspec.structs.replace(step, action=Action.SKIP, reason="sync.prune is false")
        if step:
            steps.append(step)
    return tuple(reversed(ordered(steps)))


def _refuse_foreign(
    app: Application, manifests: Iterable[Manifest], foreseen: Mapping[ObjectId, Foreseen], owner: str, rooms: Rooms
) -> None:
    """An object of another Application that still exists is never taken over: the first owner keeps it."""
    taken = [
        f"{manifest.id} belongs to Application {holder}"
        for manifest in manifests
        if manifest.owned
        and (value := foreign_owner(foreseen[manifest.id].live, owner))
        and (holder := rooms.registry.owners.get(value)) is not None
        and holder != app.key
    ]
    if taken:
        raise Terminal("; ".join(taken), remedy="remove it from one of the two, or give it another name")
