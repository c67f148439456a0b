"""Drift as episodes: what opened, what still stands, what ended. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from controller.model.drift import Change, Drift
from controller.model.objects import ObjectId
from controller.model.plan import Action, Step

FIELDS = 20
"""Fields of one drift that the status names; the ledger's record has them all."""


class Episodes(msgspec.Struct, frozen=True):
    """The open drifts of one Application, after a comparison."""

    opened: tuple[tuple[Drift, Step], ...] = ()
    standing: tuple[Drift, ...] = ()
    ended: tuple[Drift, ...] = ()

    @property
    def open(self) -> tuple[Drift, ...]:
        """All that is open now."""
        return (*self.standing, *(drift for drift, _ in self.opened))


def compare(
    known: Iterable[Drift],
    steps: Iterable[Step],
    *,
    new_id: Callable[[Drift, Step], str],
    since: Callable[[ObjectId], str],
) -> Episodes:
    """Hold the drifted steps of a plan against the drifts known to be open.

    The same object drifting in the same fields is the same episode; in other fields it is a new one.
    """
    before = {(drift.object, drift.change, drift.fields): drift for drift in known}
    opened, standing = [], []
    for step in steps:
        if not step.drifted:
            continue
        drift = Drift(
            id="",
            object=str(step.id),
            change=_change(step),
            fields=tuple(change.path for change in step.changes)[:FIELDS],
            manager=", ".join(suspect.manager for suspect in step.attribution.suspects) if step.attribution else "",
        )
        same = before.pop((drift.object, drift.change, drift.fields), None)
        if same:
            standing.append(same)
        else:
            opened.append((msgspec.structs.replace(drift, id=new_id(drift, step), since=since(step.id)), step))
    return Episodes(tuple(opened), tuple(standing), tuple(before.values()))


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
