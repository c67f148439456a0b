"""Drift as episodes: what opened, what still stands, what ended. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from controller.model.drift import Change, Drift
from controller.model.plan import Action, Step

FIELDS = 20
"""Fields of one drift that the status names; the ledger's record has them all."""


class Episodes(msgspec.Struct, frozen=True):
    """The open drifts of one Application, after a comparison."""

    opened: tuple[tuple[Drift, Step], ...] = ()
    standing: tuple[Drift, ...] = ()
    ended: tuple[Drift, ...] = ()
    widened: tuple[tuple[Drift, Step], ...] = ()
    """Those of `standing` that something joined; each drift has only the fields that did."""

    @property
    def open(self) -> tuple[Drift, ...]:
        """All that is open now."""
        return (*self.standing, *(drift for drift, _ in self.opened))


def compare(
    known: Iterable[Drift],
    steps: Iterable[Step],
    *,
    new_id: Callable[[Drift, Step], str],
    dated: Callable[[Drift, Step], Drift],
) -> Episodes:
    """Hold the drifted steps of a plan against the drifts known to be open.

    An object has one episode until every value of Git's stands again: what else drifts meanwhile joins it.
    """
    before: dict[str, list[Drift]] = {}
    for drift in known:
        before.setdefault(drift.object, []).append(drift)
    opened, standing, widened = [], [], []
    for step in steps:
        if not step.drifted:
            continue
        drift = _seen(step)
        same = _same(before.get(drift.object, []), drift)
        if same is None:
            opened.append((msgspec.structs.replace(dated(drift, step), id=new_id(drift, step)), step))
            continue
        before[drift.object].remove(same)
        drift = msgspec.structs.replace(same, change=drift.change, fields=drift.fields, manager=drift.manager)
        standing.append(drift)
        # Of more than so many only the first are known: one that comes into view need not have joined.
        told = len(same.fields) < FIELDS
        joined = tuple(field for field in drift.fields if field not in same.fields) if told else ()
        if joined or (drift.change != same.change and "deleted" in {drift.change, same.change}):
            widened.append((msgspec.structs.replace(drift, fields=joined), step))
    ended = tuple(drift for left in before.values() for drift in left)
    return Episodes(tuple(opened), tuple(standing), ended, tuple(widened))


def _seen(step: Step) -> Drift:
    suspects = step.attribution.suspects if step.attribution else ()
    return Drift(
        id="",
        object=str(step.id),
        change=_change(step),
        fields=tuple(change.path for change in step.changes)[:FIELDS],
        manager=", ".join(suspect.manager for suspect in suspects),
    )


def _same(known: Iterable[Drift], drift: Drift) -> Drift | None:
    """The open episode that the drift belongs to.

    Where only the ownership is wrong by now, every value stands: that is an episode of its own.
    """
    return next((one for one in known if drift.change != "disowned" or one.change == "disowned"), None)


def evidence(drift: Drift, step: Step) -> tuple[str, ...]:
    """What makes this episode itself, whoever looks: the object, what differs, and who wrote it when.

    Empty for an object that is gone: nothing tells one deletion from the next. Status writes change none of it, so
    that a process which dies after it recorded the drift, and its successor, speak of the same episode.
    """
    found = step.attribution
    if drift.change == "deleted" or found is None or not found.resource_version:
        return ()
    wrote = [entry for entry in found.managed_fields if entry.get("subresource") != "status"]
    # A spec has its generation; what has none is hardly ever written by its controller.
    version = f"generation {found.generation}" if found.generation else f"version {found.resource_version}"
    values = [(change.path, change.before, change.after) for change in step.changes]
    parts = (wrote, values)
    return (drift.object, step.uid, drift.change, version, msgspec.json.encode(parts, order="deterministic").decode())


def _change(step: Step) -> Change:
    if step.action is not Action.UPDATE:
        return "deleted"
    if not step.changes:
        return "disowned"
    return "removed" if all(change.absent == "before" for change in step.changes) else "changed"
