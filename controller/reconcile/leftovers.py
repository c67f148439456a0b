"""Objects that stay when their Application goes or moves away: each is recorded, for nobody keeps it from then on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from controller.model.event import EventType
from controller.reconcile.rooms import draft
from controller.record.identifier import derived

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.application import Application
    from controller.model.objects import ObjectId
    from controller.reconcile.rooms import Rooms

AT_ONCE = 200
"""Records that are made durable together."""


async def leave_behind(app: Application, cluster: str, why: Mapping[ObjectId, str], rooms: Rooms) -> None:
    """Record the objects that stay in the cluster, and why each does: the same records, however often it is tried."""
    drafts = (
        draft(
            app,
            EventType.OBJECT_LEFT,
            object_id=object_id,
            cluster=cluster,
            id=derived("left", app.uid, str(app.generation), cluster, str(object_id)),
            revision=app.status.revision.sha,
            reason=reason,
        )
        for object_id, reason in sorted(why.items())
    )
    while batch := tuple(itertools.islice(drafts, AT_ONCE)):
        await rooms.ledger.append(*batch)
