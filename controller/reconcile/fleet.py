"""The clusters we write to: opened, probed, watched, and closed. One that does not answer holds nobody else back."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from controller import logs
from controller.errors import NotReady, ShipslogError, Terminal, Transient
from controller.model.cluster import IN_CLUSTER, Cluster
from controller.observe.checklist import Checker
from controller.observe.live import Digester, LiveState
from controller.reconcile.fault import InternalError
from controller.reconcile.kubeconfigs import KubeconfigRefused, kubeconfig_of, place_of
from controller.reconcile.outage import NEW, Outage, outage_of
from controller.tasks import deadline, supervise

if TYPE_CHECKING:
    from controller import ports
    from controller.metrics import Metrics
    from controller.model.cluster import KubeconfigRef
    from controller.model.run import Trigger

PROBE_INTERVAL = 10.0
"""Seconds between two questions whether a cluster still answers."""
PROBE_TIMEOUT = 5.0

SECRETS_INTERVAL = 15.0
"""Seconds between two readings of a kubeconfig's Secret: a rotated one is in use after at most that long."""
FIGURES_INTERVAL = 15.0
"""Seconds for which what is only counted may stand in a Cluster's status after it changed."""

Opener = Callable[[Cluster, bytes], Awaitable["ports.Cluster"]]
"""Opens a client for a Cluster with this kubeconfig; raises a ShipslogError where that is no good."""

_log = logs.get_logger(__name__)


class Target:
    """One cluster in use."""

    def __init__(self, client: ports.Cluster, live: LiveState) -> None:
        self.client = client
        self.live = live
        self.reference: KubeconfigRef | None = None
        """Where its kubeconfig is; None of the cluster that we are in."""
        self.version = ""
        self.reachable_since = 0.0
        self.outage: Outage | None = NEW
        self.suspended = False
        self.kubeconfig = b""
        """Digest of what the client was opened with."""

    @property
    def up(self) -> bool:
        """Whether it answered when last asked."""
        return self.outage is None


class Fleet:
    """All clusters by name. `run` owns their tasks.

    `on_state` is told whenever one comes or goes, `on_figures` when only what is counted in it has changed.
    """

    def __init__(
        self,
        home: ports.Cluster,
        opener: Opener,
        ownership: Digester,
        metrics: Metrics,
        checker: Checker | None = None,
    ) -> None:
        self._home = home
        self._checker = checker
        self._opener = opener
        self._ownership = ownership
        self._metrics = metrics
        self._targets: dict[str, Target] = {}
        self._errors: dict[str, Outage] = {}
        self._told: dict[str, tuple[str, Cluster]] = {}
        """Why a cluster can't be opened, as it was said last: it is tried again and again, and said once."""
        self._wanted: dict[str, Cluster] = {}
        self._changes: asyncio.Queue[tuple[str, Cluster | None]] = asyncio.Queue()
        self._taken: set[str] = set()
        """Clusters that were taken from the queue of changes at least once."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.on_move: Callable[[str, Trigger], None] = lambda _owner, _trigger: None
        self.on_state: Callable[[str, Target | None, Outage | None], None] = lambda _name, _target, _outage: None
        self.on_figures: Callable[[str, Target | None, Outage | None], None] = lambda _name, _target, _outage: None

    def target(self, name: str) -> Target:
        """The cluster, when it answers.

        Raises Terminal where no Cluster has that name or its kubeconfig is no good, NotReady while it is away or not
        open yet.
        """
        target = self._targets.get(name)
        if target is None:
            if name in self._errors:
                why = self._errors[name].message
                raise Terminal(f"cluster {name} can't be opened: {why}", remedy="correct the Cluster")
            if name in self._wanted:
                raise NotReady(f"cluster {name} is being opened", after=1.0)
            raise Terminal(
                f"spec.destination.cluster: there is no Cluster named {name!r}",
                remedy=f"create it, or use {IN_CLUSTER}",
            )
        if target.outage is not None:
            raise NotReady(f"cluster {name} {target.outage.sentence}", after=PROBE_INTERVAL)
        return target

    def find(self, name: str) -> Target | None:
        """The cluster if it is open, whether or not it answers."""
        return self._targets.get(name)

    def unseen(self, name: str) -> str:
        """Why nothing is seen of the cluster; empty while it can be seen, or is about to be for the first time."""
        target = self._targets.get(name)
        if target is not None:
            return "" if target.outage is None or target.outage is NEW else f"it {target.outage.sentence}"
        if name in self._errors:
            return f"it can't be opened: {self._errors[name].message}"
        return "" if name in self._wanted else "there is no Cluster of that name"

    def targets(self) -> dict[str, Target]:
        """All open clusters."""
        return dict(self._targets)

    def change(self, name: str, cluster: Cluster | None) -> None:
        """A Cluster was created, changed, or deleted (None)."""
        if cluster is None:
            self._wanted.pop(name, None)
        else:
            self._wanted[name] = cluster
        self._changes.put_nowait((name, cluster))

    async def settled(self) -> None:
        """Wait until every Cluster that was told of so far is open, or has failed to open."""
        await self._changes.join()

    async def run(self) -> None:
        """Open and close clusters as they come and go, for ever."""
        await self._begin_anew()
        async with asyncio.TaskGroup() as group:
            self._start(group, IN_CLUSTER, self._home, suspended=False)
            while True:
                name, cluster = await self._changes.get()
                try:
                    await self._change(group, name, cluster)
                finally:
                    self._changes.task_done()

    async def _begin_anew(self) -> None:
        """After a fault of ours the tasks of all clusters have ended: each is opened again."""
        await self.close()
        self._targets.clear()
        self._tasks.clear()
        taken, self._taken = self._taken, set()
        for name in taken & self._wanted.keys():
            self.change(name, self._wanted[name])

    async def _change(self, group: asyncio.TaskGroup, name: str, cluster: Cluster | None) -> None:
        self._taken.add(name)
        if self._wanted.get(name) is not cluster:
            return  # it has changed again, and that is behind in the queue
        if cluster is not None:
            await self._open(group, cluster)
            return
        await self._stop(group, name)
        self._errors.pop(name, None)
        self._told.pop(name, None)
        self._metrics.forget_cluster(name)
        self.on_state(name, None, None)

    async def _open(self, group: asyncio.TaskGroup, cluster: Cluster) -> None:
        """Open the cluster anew; until that is done, what was open before goes on."""
        if (before := self._targets.get(cluster.name)) is not None:
            before.suspended = cluster.spec.suspend
        try:
            async with deadline(PROBE_TIMEOUT, f"opening cluster {cluster.name}"):
                kubeconfig = await kubeconfig_of(self._home, cluster)
                client = await self._client(cluster, kubeconfig)
        except ShipslogError as error:
            await self._not_opened(group, cluster, error)
        except Exception as fault:  # noqa: BLE001 - what one kubeconfig holds must not close all other clusters
            # Not with its text, which may quote the kubeconfig.
            await self._not_opened(group, cluster, InternalError(fault, f"cluster {cluster.name}"))
        else:
            await self._stop(group, cluster.name)
            self._errors.pop(cluster.name, None)
            self._told.pop(cluster.name, None)
            target = self._start(group, cluster.name, client, suspended=cluster.spec.suspend)
            target.reference, target.kubeconfig = cluster.spec.kubeconfig_secret_ref, _fingerprint(kubeconfig)

    async def _not_opened(self, group: asyncio.TaskGroup, cluster: Cluster, error: ShipslogError) -> None:
        # Whatever it is, it may be mended without the Cluster being touched: its Secret may come, or change.
        asyncio.get_running_loop().call_later(PROBE_INTERVAL, self._again, cluster)
        before = self._targets.get(cluster.name)
        if before and before.reference == cluster.spec.kubeconfig_secret_ref and _passing(error):
            _log.warning("Cluster not opened anew", cluster=cluster.name, error=str(error))
            return
        await self._stop(group, cluster.name)
        self._errors[cluster.name] = outage_of(error)
        self._show_closed(cluster.name)
        if self._told.get(cluster.name) != (str(error), cluster):
            self._told[cluster.name] = str(error), cluster
            _log.warning("Cluster not opened", cluster=cluster.name, error=str(error))
            self.on_state(cluster.name, None, outage_of(error))

    async def _client(self, cluster: Cluster, kubeconfig: bytes) -> ports.Cluster:
        try:
            return await self._opener(cluster, kubeconfig)
        except Terminal as error:
            raise KubeconfigRefused(f"{place_of(cluster)}: {error.message}", remedy=error.remedy) from error

    def _show_closed(self, name: str) -> None:
        """A Cluster that can't be opened is down, whatever was shown before it changed."""
        self._metrics.cluster(name)
        self._metrics.cluster_up.labels(cluster=name).set(0)
        self._metrics.watched_objects.labels(cluster=name).set_function(lambda: 0)
        self._metrics.watches_refused.labels(cluster=name).set_function(lambda: 0)

    def _again(self, cluster: Cluster) -> None:
        if self._wanted.get(cluster.name) is cluster:
            self.change(cluster.name, cluster)

    def _start(self, group: asyncio.TaskGroup, name: str, client: ports.Cluster, *, suspended: bool) -> Target:
        self._metrics.cluster(name)
        restarts = self._metrics.watch_restarts.labels(cluster=name)
        live = LiveState(
            client,
            ownership=self._ownership,
            on_move=self._moved,
            on_restart=restarts.inc,
            checker=self._checker,
        )
        self._metrics.watched_objects.labels(cluster=name).set_function(live.__len__)
        self._metrics.watches_refused.labels(cluster=name).set_function(lambda: live.refusals)
        target = Target(client, live)
        target.suspended = suspended
        self._targets[name] = target
        self._tasks[name] = group.create_task(self._keep(name, target), name=f"cluster {name}")
        return target

    def _moved(self, owner: str, why: Trigger) -> None:
        self.on_move(owner, why)

    async def _stop(self, group: asyncio.TaskGroup, name: str) -> None:
        task = self._tasks.pop(name, None)
        target = self._targets.pop(name, None)
        if task is None or target is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if target.client is not self._home:
            # What is in hand may finish its requests; nobody waits for that.
            group.create_task(target.client.close(), name=f"closing cluster {name}")

    async def _keep(self, name: str, target: Target) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(supervise(f"probe {name}", lambda: self._probe(name, target)), name=f"probe {name}")
            group.create_task(supervise(f"live {name}", target.live.run), name=f"live {name}")
            if target.client is not self._home:
                work = functools.partial(self._reread, name, target)
                group.create_task(supervise(f"kubeconfig {name}", work), name=f"kubeconfig {name}")

    async def _reread(self, name: str, target: Target) -> None:
        """Have the cluster opened anew when its kubeconfig has changed, or is gone."""
        while True:
            await asyncio.sleep(SECRETS_INTERVAL if target.up else PROBE_INTERVAL / 5)
            cluster = self._wanted.get(name)
            if cluster is None:
                continue
            try:
                kubeconfig = _fingerprint(await kubeconfig_of(self._home, cluster))
            except Terminal:
                kubeconfig = b""  # opening it says what is wrong
            except ShipslogError as error:
                _log.warning("Kubeconfig not read again", cluster=name, error=str(error))
                continue
            if kubeconfig != target.kubeconfig:
                _log.info("Kubeconfig changed", cluster=name)
                self.change(name, cluster)

    async def _probe(self, name: str, target: Target) -> None:
        was: str | None = None  # nothing was said yet: after that the reason of its outage, or none
        counted, counted_at = 0, time.monotonic()
        while True:
            version = target.version
            try:
                async with deadline(PROBE_TIMEOUT, f"asking cluster {name} for its version"):
                    target.version = await target.client.version()
                target.outage = None
            except ShipslogError as error:
                target.outage = outage_of(error)
            except Exception as fault:  # noqa: BLE001 - a fault of ours must be told, too
                target.outage = outage_of(InternalError(fault, f"cluster {name}"))
            now, why = (target.outage.reason, target.outage.message) if target.outage else ("", "")
            self._metrics.cluster_up.labels(cluster=name).set(target.up)
            if was != now or version != target.version:
                target.reachable_since = time.time() if target.up else 0.0
                _log.info("Cluster state", cluster=name, up=target.up, version=target.version, reason=why)
                self.on_state(name, target, target.outage)
                counted = len(target.live)
            elif len(target.live) != counted and time.monotonic() - counted_at >= FIGURES_INTERVAL:
                self.on_figures(name, target, target.outage)
                counted, counted_at = len(target.live), time.monotonic()
            was = now
            await asyncio.sleep(PROBE_INTERVAL if target.up else PROBE_INTERVAL / 5)

    async def close(self) -> None:
        """Close the clients of all clusters but the home cluster's."""
        async with asyncio.TaskGroup() as group:
            for name, target in self._targets.items():
                if target.client is not self._home:
                    group.create_task(target.client.close(), name=f"closing cluster {name}")


def _passing(error: ShipslogError) -> bool:
    """Whether the kubeconfig could not be had for now: that says nothing against the one in use."""
    return isinstance(error, Transient | NotReady) and not isinstance(error, InternalError)


def _fingerprint(kubeconfig: bytes) -> bytes:
    return hashlib.sha256(kubeconfig).digest()
