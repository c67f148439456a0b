"""Status of Repositories and Clusters: the last word of each is written, one at a time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.errors import ShipslogError
from controller.model.amount import amount
from controller.model.condition import Condition, merge
from controller.model.objects import Key
from controller.reconcile.moment import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.fetch.news import RepositoryState
    from controller.metrics import Metrics
    from controller.model.base import Json
    from controller.model.cluster import ClusterStatus
    from controller.model.repository import RepositoryStatus
    from controller.reconcile.announce import Announcer
    from controller.reconcile.fleet import Target
    from controller.reconcile.outage import Outage
    from controller.reconcile.registry import Registry

AGAIN = 15.0
"""Seconds until a status that could not be written is tried again."""
_log = logs.get_logger(__name__)


class Reporter:
    """Collects what is to be said and says it; a newer word replaces one that waits."""

    def __init__(self, announcer: Announcer, registry: Registry, metrics: Metrics) -> None:
        self._announcer = announcer
        self._registry = registry
        self._metrics = metrics
        self._words: dict[tuple[str, Key], Json] = {}
        self._spoken: set[tuple[str, Key]] = set()
        """Of whom something was said: what the registry knows of their status may be older than that."""
        self._news = asyncio.Event()

    def repository(self, key: Key, state: RepositoryState) -> None:
        """What polling found out about a Repository."""
        repository = self._registry.repositories.get(key)
        if repository is None:
            return
        self._metrics.repository_ready.labels(namespace=key.namespace, name=key.name).set(state.reachable)
        said = (
            ("Polled", amount(state.refs, "ref"))
            if state.refs
            else ("Empty", "it has no branch and no tag yet: push one")
        )
        ready = _ready(state.reachable, *said, state.error)
        self._say(
            "Repository",
            key,
            ready,
            repository.status,
            repository.generation,
            {"refs": state.refs, "head": state.head} | ({"lastFetch": state.last_fetch} if state.last_fetch else {}),
        )

    def repository_failed(self, key: Key, error: ShipslogError) -> None:
        """Why a Repository can't be read, found out before any polling."""
        repository = self._registry.repositories.get(key)
        if repository is not None:
            ready = _ready(ok=False, reason="", message="", error=error)
            self._say("Repository", key, ready, repository.status, repository.generation, {})

    def cluster(self, name: str, target: Target | None, outage: Outage | None) -> None:
        """What probing found out about a Cluster."""
        cluster = self._registry.clusters.get(name)
        if cluster is None:
            return
        ready = Condition(
            type="Ready",
            status="False" if outage else "True",
            reason=outage.reason if outage else "Reachable",
            message=outage.message if outage else "",
        )
        more: dict[str, object] = {}
        if target is not None:
            more = {"version": target.version, "watched": len(target.live)}
            more |= {"reachableSince": whole(target.reachable_since) if target.up else None}
        self._say("Cluster", Key("", name), ready, cluster.status, cluster.generation, more)

    async def run(self) -> None:
        """Write what is to be said, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            for place in list(self._words):
                await self._write(*place, self._words.pop(place))

    async def _write(self, kind: str, key: Key, status: Json) -> None:
        try:
            await self._announcer.write(kind, key, status)
        except ShipslogError as error:
            _log.warning("Status not written", kind=kind, object=str(key), error=str(error))
            self._words.setdefault((kind, key), status)
            asyncio.get_running_loop().call_later(AGAIN, self._news.set)

    def _say(
        self,
        kind: str,
        key: Key,
        ready: Condition,
        known: RepositoryStatus | ClusterStatus,
        generation: int,
        more: Mapping[str, object],
    ) -> None:
        ready = msgspec.structs.replace(ready, observed_generation=generation)
        conditions = merge(known.conditions, (ready,), whole(time.time()))
        word = {
            "conditions": msgspec.to_builtins(conditions),
            "observedGeneration": generation,
            **more,
        }
        if (kind, key) not in self._spoken and _is_said(word, known):
            return  # by an earlier process
        self._spoken.add((kind, key))
        self._words[kind, key] = word
        self._news.set()


def _is_said(word: Json, known: RepositoryStatus | ClusterStatus) -> bool:
    stands = msgspec.to_builtins(known)
    return all((stands.get(name) or None) == (word[name] or None) for name in word)


def _ready(ok: bool, reason: str, message: str, error: ShipslogError | None) -> Condition:
    if ok or error is None:
        return Condition(type="Ready", status="True", reason=reason, message=message)
    return Condition(
        type="Ready", status="False", reason=type(error).__name__.removesuffix("Error"), message=str(error)[:8192]
    )
