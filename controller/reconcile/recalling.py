"""What an earlier process knew of an Application's objects: what nobody has written since needs no question.

The inventory keeps a mark of our managedFields entry as it stood after the last apply. Where the watch shows the same
entry, no field of ours was written by anybody, whoever it was and however long ago: the object stands as Git says.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from controller.model.application import DIGEST
from controller.model.live import Baseline
from controller.reconcile.deleting import home_of
from controller.reconcile.planning import watch

if TYPE_CHECKING:
    from controller.model.application import InventoryEntry
    from controller.model.live import LiveView
    from controller.model.manifest import Manifest
    from controller.reconcile.rooms import Case

PATIENCE = 10.0
"""Seconds that the first look waits for the watches: until they hold, nothing can be recalled."""
_spread = random.Random()  # noqa: S311 - spreads load, guards nothing


async def recall(case: Case, interval: float) -> None:
    """Remember what stood when it was last written down; the comparison in full comes at some moment of its interval.

    Only at the first look. What is not recalled, as it is new or was written by somebody, is compared at once.
    """
    app, memory, wish, live = case.app, case.memory, case.wish, case.target.live
    if memory.compared_at or home_of(app) != app.spec.destination.cluster:
        return
    marked = {entry.id: entry for entry in app.status.inventory if entry.mark and entry.digest}
    known = [(manifest, marked[manifest.id]) for manifest in wish.manifests if manifest.id in marked]
    if not known:
        return
    watch(app, wish, case.target, case.rooms)
    if not await live.holds({manifest.id.group_kind for manifest, _ in known}, PATIENCE):
        return
    for manifest, entry in known:
        baseline = _baseline(manifest, entry, live.view(manifest.id))
        if baseline is not None:
            memory.baselines.setdefault(manifest.id, baseline)
    memory.compared_at = time.monotonic() - _spread.uniform(0, interval * 0.9)


def _baseline(manifest: Manifest, entry: InventoryEntry, view: LiveView | None) -> Baseline | None:
    if view is None or view.deleting:
        return None
    if entry.digest != manifest.digest[:DIGEST] or entry.mark != view.ownership[:DIGEST]:
        return None
    return Baseline(manifest.digest, view.ownership, view.resource_version)
