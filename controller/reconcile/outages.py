"""Clusters that can't be used any more, and can be again: recorded once each, whatever is probed in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from controller.model.event import Draft, EventType, Target
from controller.reconcile.bulletin import Bulletin, News
from controller.record.identifier import derived

if TYPE_CHECKING:
    from controller.model.cluster import Cluster
    from controller.ports import Ledger
    from controller.reconcile.announce import Announcer
    from controller.reconcile.outage import Outage
    from controller.reconcile.registry import Registry


class Outages:
    """Knows of each Cluster why it can't be used; `run` records what is new."""

    def __init__(self, announcer: Announcer, registry: Registry, ledger: Ledger) -> None:
        self._registry = registry
        self._bulletin = Bulletin(ledger, announcer)
        self._failing: dict[str, str] = {}
        """Why each Cluster could not be used when that was last recorded; empty: it could."""

    def state(self, name: str, outage: Outage | None) -> None:
        """A Cluster can be used (None), or why not: record it where that is news, also to an earlier process."""
        cluster = self._registry.clusters.get(name)
        if cluster is None:
            self._failing.pop(name, None)
            return
        before = self._failing.get(name, _failing_before(cluster))
        now = self._failing[name] = outage.reason if outage else ""
        if before != now:
            self._bulletin.post(News(cluster, now or "Recovered", _draft(cluster, before, outage)))

    async def run(self) -> None:
        """Record, for ever."""
        await self._bulletin.run()


def _draft(cluster: Cluster, before: str, outage: Outage | None) -> Draft:
    now = outage.reason if outage else ""
    return Draft(
        type=EventType.CLUSTER_FAILED if outage else EventType.CLUSTER_RECOVERED,
        id=derived("cluster", cluster.uid, before, now, str(time.time())),
        target=Target(cluster=cluster.name, object=f"Cluster {cluster.name}"),
        outcome="failure" if outage else "success",
        reason=outage.message[:4096] if outage else "it can be used again",
        detail={"cluster": cluster.name, "cause": now, "before": before},
    )


def _failing_before(cluster: Cluster) -> str:
    """Why an earlier process could not use it, by its last word; empty where it could, or never tried."""
    ready = next((condition for condition in cluster.status.conditions if condition.type == "Ready"), None)
    return ready.reason if ready and ready.status == "False" else ""
