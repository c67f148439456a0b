"""Drift as episodes: what opened, what still stands, what ended. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from controller.model.drift import Drift
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
    known: Iterable[Drift], steps: Iterable[Step], *, new_id: Callable[[], str], since: Callable[[ObjectId], str]
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
            opened.append((msgspec.structs.replace(drift, id=new_id(), since=since(step.id)), step))
    return Episodes(tuple(opened), tuple(standing), tuple(before.values()))


def _change(step: Step) -> Literal["changed", "removed", "deleted"]:
    if step.action is not Action.UPDATE:
        return "deleted"
    return "removed" if all(change.absent == "before" for change in step.changes) else "changed"
