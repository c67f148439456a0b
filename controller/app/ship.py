"""The process under way: its parts, made of the settings, and what is told to whom."""

from __future__ import annotations

import asyncio
import functools
import os
import time
import uuid
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from controller import logs
from controller.app.garbage import collect
from controller.app.sampling import Sampler
from controller.app.services import Services
from controller.diff.ignored import check
from controller.diff.ownership import ownership_digest
from controller.errors import Terminal
from controller.fetch.news import Listeners
from controller.fetch.reader import Limits
from controller.fetch.repository import Repositories
from controller.kube.access import from_kubeconfig_bytes, from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
from controller.metrics import Metrics
from controller.model.cluster import IN_CLUSTER, Cluster
from controller.observe.checks import Evaluator
from controller.reconcile.announce import Announcer
from controller.reconcile.fleet import Fleet
from controller.reconcile.measured import MeasuredLedger
from controller.reconcile.outages import Outages
from controller.reconcile.queue import KeyQueue
from controller.reconcile.registry import Registry
from controller.reconcile.reporting import Reporter
from controller.reconcile.rooms import Rooms
from controller.reconcile.sources import Sources
from controller.reconcile.variables import watch_variables
from controller.reconcile.wiring import wire
from controller.reconcile.workers import Workers
from controller.record.journal import Journal
from controller.record.ledger import PostgresLedger
from controller.render.locate import locate_engine
from controller.render.pool import EnginePool
from controller.render.renderer import Renderer
from controller.serve import Server
from controller.tasks import measure_lag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AsyncExitStack

    from controller import ports
    from controller.fetch.news import RepositoryState
    from controller.kube.access import Access
    from controller.kube.cluster import ApiCluster
    from controller.model.ignore import IgnoreDifference
    from controller.model.objects import Key
    from controller.settings import Settings

DRAIN = 5.0
"""Seconds that the last events may take on their way to PostgreSQL; the spool keeps what is left."""
_log = logs.get_logger(__name__)


class Ship:
    """The process under way: each step opens one edge and leaves its closing on the stack."""

    def __init__(self, settings: Settings, group: asyncio.TaskGroup, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.group = group
        self.stack = stack
        self.services = Services(group, stack)
        self.metrics = Metrics(version("shipslog"))
        self.queue = KeyQueue(settings.workers)
        self.checks: dict[str, Callable[[], str]] = {"started": lambda: "it is starting"}
        self.notes: dict[str, Callable[[], str]] = {"tasks": self.services.down}
        self.server = Server(
            settings.listen,
            self.metrics,
            live={"tasks": self.services.vitals.defects, "event loop": self.services.vitals.lateness},
            ready=self.checks,
            notes=self.notes,
        )

    async def set_sail(self) -> None:
        """Open all edges in their order; returns when Applications are looked at."""
        await self.stack.enter_async_context(self.server)
        journal = await self._journal()
        home = self._client(IN_CLUSTER, await self._access(), self.settings.max_requests)
        self.stack.push_async_callback(home.close)
        await self._loop(home, journal)
        await self.services.start("loop lag", lambda: measure_lag(self._lagged))
        del self.checks["started"]
        _log.info("Started", producer=self.settings.producer, workers=self.settings.workers)

    async def _journal(self) -> Journal:
        settings = self.settings
        ledger = await self._ledger()
        journal = await Journal.open(settings.spool_dir, ledger, producer=settings.producer, limit=settings.spool_limit)
        self.stack.push_async_callback(journal.close)
        left = await journal.recover()
        if left:
            _log.warning("Results of an earlier life are unknown", runs=len(left))
        self.stack.push_async_callback(self._farewell, journal)
        await self.services.start("delivery", journal.run)
        self.notes["database"] = functools.partial(_database_state, journal)
        self.metrics.ledger_spool_limit_bytes.set(journal.spool_limit)
        return journal

    async def _ledger(self) -> PostgresLedger | None:
        settings = self.settings
        if not settings.database_url:
            _log.warning(
                "No database is set: events stay in the spool, and once it is full nothing new is synced",
                remedy="set SHIPSLOG_DATABASE_URL",
                spool_limit_bytes=settings.spool_limit,
            )
            return None
        ledger = await PostgresLedger.open(settings.database_url)
        self.stack.push_async_callback(ledger.close)
        password = urlsplit(settings.database_url).password or ""
        logs.secret(password)
        logs.secret(unquote(password))
        return ledger

    async def _loop(self, home: ports.Cluster, journal: Journal) -> None:
        ignored = self._ignored()
        registry = Registry(home, self.settings.installation)
        fleet = self._fleet(home)
        announcer = Announcer(home, registry, self.settings.producer)
        reporter = Reporter(announcer, registry, self.metrics)
        ledger = MeasuredLedger(journal, self.metrics)
        listeners = Listeners(on_poll=self.metrics.polled)
        repositories = self._repositories(listeners)
        sources = Sources(announcer, registry, repositories, self.queue, ledger)
        _listen(listeners, sources, reporter)
        renderer = await self._renderer()
        self.checks["journal"] = functools.partial(_journal_state, journal, ledger)
        rooms = Rooms(
            installation=self.settings.installation,
            registry=registry,
            fleet=fleet,
            repositories=repositories,
            renderer=renderer,
            ledger=ledger,
            metrics=self.metrics,
            announcer=announcer,
            queue=self.queue,
            now=time.time,
            new_id=lambda: str(uuid.uuid4()),
            former_managers=self.settings.former_managers,
            ignored=ignored,
        )
        outages = Outages(announcer, registry, ledger)
        wire(rooms, sources, reporter, outages)
        self.stack.push_async_callback(fleet.close)
        await self.services.start("sampling", Sampler(self.metrics, journal, renderer, self.queue).run)
        await self.services.start("garbage", lambda: collect(lambda: self.queue.idle))
        await self.services.start("outages", outages.run)
        await self._set_to_work(rooms, sources, reporter)

    async def _set_to_work(self, rooms: Rooms, sources: Sources, reporter: Reporter) -> None:
        """Start all that brings news, and last those who look: so nothing is closed that they still use."""
        await self.services.start("clusters", rooms.fleet.run)
        await self.services.start("reports", reporter.run)
        await self.services.start("sources", sources.run)
        await self.services.start("variables", lambda: watch_variables(rooms))
        await self.services.start("registry", rooms.registry.run)
        self.checks["registry"] = lambda: "" if rooms.registry.is_synced else "our own objects are not listed yet"
        await self.stack.enter_async_context(self._workers(rooms))

    def _ignored(self) -> tuple[IgnoreDifference, ...]:
        ignored = self.settings.ignored
        try:
            check(ignored)
        except Terminal as error:
            raise Terminal(f"SHIPSLOG_IGNORE_DIFFERENCES: {error.message}", remedy=error.remedy) from None
        return ignored

    def _fleet(self, home: ports.Cluster) -> Fleet:
        evaluator = Evaluator()
        self.stack.push_async_callback(evaluator.close)
        return Fleet(home, self._open, ownership_digest, self.metrics, evaluator)

    def _repositories(self, listeners: Listeners) -> Repositories:
        settings = self.settings
        repositories = Repositories(
            self.group,
            settings.mirror_dir,
            listeners,
            file_urls=settings.allow_file_urls,
            limits=Limits(file=settings.file_size, entries=settings.tree_entries, depth=settings.tree_depth),
            largest_mirror=settings.mirror_size,
            room=settings.mirrors_size,
        )
        self.stack.push_async_callback(repositories.close)
        return repositories

    async def _renderer(self) -> Renderer:
        pool = EnginePool(
            locate_engine(self.settings.engine),
            size=self.settings.engine_processes or None,
            deadline=self.settings.render_timeout,
            memory=self.settings.render_memory,
        )
        await self.stack.enter_async_context(pool)
        return Renderer(pool, cache_bytes=self.settings.render_cache, on_render=self.metrics.rendered)

    async def _access(self) -> Access:
        if self.settings.kubeconfig:
            return await from_kubeconfig_file(self.settings.kubeconfig)
        return await in_cluster(self.settings.serviceaccount_dir, os.environ)

    async def _open(self, cluster: Cluster, kubeconfig: bytes) -> ports.Cluster:
        return self._client(cluster.name, await from_kubeconfig_bytes(kubeconfig), cluster.spec.max_requests)

    def _client(self, name: str, access: Access, max_requests: int) -> ApiCluster:
        self.metrics.cluster(name)
        return open_cluster(
            name,
            access,
            max_requests,
            on_request=functools.partial(self.metrics.requested, name),
            on_flight=self.metrics.kube_requests_in_flight.labels(cluster=name).set,
            on_limit=self.metrics.kube_requests_limit.labels(cluster=name).set,
        )

    @asynccontextmanager
    async def _workers(self, rooms: Rooms) -> AsyncIterator[None]:
        workers = Workers(rooms)
        task = self.group.create_task(workers.run(), name="workers")
        try:
            yield
        finally:
            self.queue.close()
            patience = self.settings.shutdown_timeout if workers.begun else 0
            _, late = await asyncio.wait([task], timeout=patience)
            for worker in late:
                if workers.begun:
                    _log.warning("Work in hand was not finished in time; the next start goes on with it")
                worker.cancel()
                await asyncio.wait([worker])

    async def _farewell(self, journal: Journal) -> None:
        await journal.stop()
        await journal.drain(DRAIN)

    def _lagged(self, seconds: float) -> None:
        self.metrics.event_loop_lag.observe(seconds)
        self.services.vitals.lag(seconds)


def _listen(listeners: Listeners, sources: Sources, reporter: Reporter) -> None:
    """Connect what is found out about Repositories with those who look after them, and who tell of them."""

    def both(key: Key, state: RepositoryState) -> None:
        reporter.repository(key, state)
        sources.state(key, state)

    listeners.on_change = sources.moved
    listeners.on_rewrite = sources.rewritten
    listeners.on_state = both
    sources.on_failure = reporter.repository_failed


def _journal_state(journal: Journal, ledger: MeasuredLedger) -> str:
    """Why nothing can be recorded, and so nothing be synced; nothing while it can."""
    if journal.full:
        held = f"{journal.spool_bytes} of {journal.spool_limit} bytes"
        return f"the spool is full ({held}): nothing new is synced until PostgreSQL takes events"
    return ledger.problem


def _database_state(journal: Journal) -> str:
    """What keeps events from PostgreSQL. It makes nobody unready: they wait in the spool, and all else goes on."""
    if journal.delivery is None:
        return "not set: events stay in the spool (set SHIPSLOG_DATABASE_URL)"
    if journal.delivery.problem is not None:
        return f"takes no events: {journal.undelivered} wait in the spool (see the log)"
    return ""
