"""Composition root: opens the edges, owns every task, and closes in a fixed order.

Started: probes, journal, home cluster, engine, clusters, repositories, registry, workers.
Stopped: first `/readyz` says so; then in reverse. Workers finish what they have in hand, then nothing reads or watches
any more, then the journal says goodbye and delivers, and the probes go last, so that a shutdown can be seen. Whoever
asks a second time gets an end at once: what is durable by then is durable, and the next start goes on from there.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from controller import logs
from controller.diff.ignored import check
from controller.diff.ownership import ownership_digest
from controller.errors import ShipslogError, Terminal
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
from controller.serve import Server, Vitals
from controller.tasks import Roster, measure_lag, supervise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from types import FrameType

    from controller import ports
    from controller.kube.access import Access
    from controller.kube.cluster import ApiCluster
    from controller.settings import Settings

SAMPLE_INTERVAL = 1.0
"""Seconds between two samplings of what is counted elsewhere."""
DRAIN = 5.0
"""Seconds that the last events may take on their way to PostgreSQL; the spool keeps what is left."""
_log = logs.get_logger(__name__)


async def run(settings: Settings) -> int:
    """Run the controller until SIGTERM or SIGINT; the exit code is 0 then, and 128 and more after a second one.

    Raises ShipslogError for what makes a start impossible: settings, ServiceAccount, spool, engine.
    """
    stop = asyncio.Event()
    _on_signal(stop.set)
    try:
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            ship = _Ship(settings, group, stack)
            await ship.set_sail()
            await stop.wait()
            _log.info("Stopping: a second signal ends at once", shutdown_timeout_seconds=settings.shutdown_timeout)
            ship.server.drain()
    except* ShipslogError as errors:
        raise _first(errors) from None
    _log.info("Stopped")
    return 0


class _Ship:
    """The process under way: each step opens one edge and leaves its closing on the stack."""

    def __init__(self, settings: Settings, group: asyncio.TaskGroup, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.group = group
        self.stack = stack
        self.roster = Roster()
        self.vitals = Vitals()
        self.metrics = Metrics(version("shipslog"))
        self.queue = KeyQueue(settings.workers)
        self.checks: dict[str, Callable[[], str]] = {"started": lambda: "it is starting"}
        self.notes: dict[str, Callable[[], str]] = {"tasks": self._tasks_down}
        self.server = Server(
            settings.listen,
            self.metrics,
            live={"tasks": self.vitals.defects, "event loop": self.vitals.lateness},
            ready=self.checks,
            notes=self.notes,
        )

    async def set_sail(self) -> None:
        await self.stack.enter_async_context(self.server)
        journal = await self._journal()
        home = self._client(IN_CLUSTER, await self._access(), self.settings.max_requests)
        self.stack.push_async_callback(home.close)
        await self._loop(home, journal)
        await self._service("loop lag", lambda: measure_lag(self._lagged))
        del self.checks["started"]
        _log.info("Started", producer=self.settings.producer, workers=self.settings.workers)

    async def _journal(self) -> Journal:
        settings = self.settings
        ledger = None
        if settings.database_url:
            ledger = await PostgresLedger.open(settings.database_url)
            self.stack.push_async_callback(ledger.close)
            password = urlsplit(settings.database_url).password or ""
            logs.secret(password)
            logs.secret(unquote(password))
        else:
            _log.warning(
                "No database is set: events stay in the spool, and once it is full nothing new is synced",
                remedy="set SHIPSLOG_DATABASE_URL",
                spool_limit_bytes=settings.spool_limit,
            )
        journal = await Journal.open(settings.spool_dir, ledger, producer=settings.producer, limit=settings.spool_limit)
        self.stack.push_async_callback(journal.close)
        left = await journal.recover()
        if left:
            _log.warning("Results of an earlier life are unknown", runs=len(left))
        self.stack.push_async_callback(self._farewell, journal)
        await self._service("delivery", journal.run)
        self.notes["database"] = functools.partial(_database_state, journal)
        self.metrics.ledger_spool_limit_bytes.set(journal.spool_limit)
        return journal

    async def _loop(self, home: ports.Cluster, journal: Journal) -> None:
        settings = self.settings
        ignored = settings.ignored
        try:
            check(ignored)
        except Terminal as error:
            raise Terminal(f"SHIPSLOG_IGNORE_DIFFERENCES: {error.message}", remedy=error.remedy) from None
        registry = Registry(home, settings.installation)
        evaluator = Evaluator()
        self.stack.push_async_callback(evaluator.close)
        fleet = Fleet(home, self._open, ownership_digest, self.metrics, evaluator)
        announcer = Announcer(home, registry, settings.producer)
        reporter = Reporter(announcer, registry, self.metrics)
        listeners = Listeners(on_poll=self.metrics.polled)
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
        ledger = MeasuredLedger(journal, self.metrics)
        sources = Sources(announcer, registry, repositories, self.queue, ledger)
        listeners.on_change = sources.moved
        listeners.on_rewrite = sources.rewritten
        listeners.on_state = functools.partial(_both, reporter.repository, sources.state)
        sources.on_failure = reporter.repository_failed
        pool = EnginePool(
            locate_engine(settings.engine),
            size=settings.engine_processes or None,
            deadline=settings.render_timeout,
            memory=settings.render_memory,
        )
        await self.stack.enter_async_context(pool)
        self.checks["journal"] = functools.partial(_journal_state, journal, ledger)
        renderer = Renderer(pool, cache_bytes=settings.render_cache, on_render=self.metrics.rendered)
        rooms = Rooms(
            installation=settings.installation,
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
            former_managers=settings.former_managers,
            ignored=ignored,
        )
        wire(rooms, sources, reporter)
        self.stack.push_async_callback(fleet.close)
        await self._service("sampling", lambda: self._sample(journal, renderer))
        await self._service("clusters", fleet.run)
        await self._service("reports", reporter.run)
        await self._service("sources", sources.run)
        await self._service("variables", lambda: watch_variables(rooms))
        await self._service("registry", registry.run)
        self.checks["registry"] = lambda: "" if registry.is_synced else "our own objects are not listed yet"
        await self.stack.enter_async_context(self._workers(rooms))

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

    # -- tasks -------------------------------------------------------------------------------------------------------

    async def _service(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start an eternal task; it ends when the stack unwinds to here."""
        supervised = supervise(name, lambda: self.vitals.live(name, work), roster=self.roster)
        await self.stack.enter_async_context(_running(self.group, name, supervised))

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

    # -- what is counted elsewhere -----------------------------------------------------------------------------------

    def _lagged(self, seconds: float) -> None:
        self.metrics.event_loop_lag.observe(seconds)
        self.vitals.lag(seconds)

    async def _sample(self, journal: Journal, renderer: Renderer) -> None:
        counted: dict[str, float] = {}

        def add(name: str, total: float, count: Callable[[float], None]) -> None:
            count(total - counted.get(name, 0))
            counted[name] = total

        while True:
            self.metrics.ledger_spool_bytes.set(journal.spool_bytes)
            self.metrics.ledger_undelivered_events.set(journal.undelivered)
            self.metrics.ledger_oldest_undelivered.set(journal.undelivered_age)
            for type_, total in journal.appended.items():
                add(type_.label, total, self.metrics.ledger_events.labels(type=type_.label).inc)
            if journal.delivery:
                add("delivered", journal.delivery.delivered, self.metrics.ledger_delivered.inc)
                add("failures", journal.delivery.failures, self.metrics.ledger_delivery_failures.inc)
            add("hit", renderer.hits, self.metrics.render_cache_requests.labels(result="hit").inc)
            add("miss", renderer.misses, self.metrics.render_cache_requests.labels(result="miss").inc)
            self.metrics.queue_depth.set(len(self.queue))
            await asyncio.sleep(SAMPLE_INTERVAL)

    def _tasks_down(self) -> str:
        down = [name for name, why in self.roster.states().items() if why]
        return f"started anew: {', '.join(down)} (see the log)" if down else ""


def _on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGTERM or SIGINT; a second one ends the process at once, with 128 and its number."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def give_up(number: int, _: FrameType | None) -> None:
        os._exit(128 + number)

    def first() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
            # Not the loop's handler: it must work while the loop stands still. Nor the default, which the first
            # process of a container never gets.
            signal.signal(number, give_up)
        stop()

    for number in numbers:
        loop.add_signal_handler(number, first)


def _both(first: Callable[..., None], second: Callable[..., None], *news: Any) -> None:
    first(*news)
    second(*news)


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


@asynccontextmanager
async def _running(
    group: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]
) -> AsyncIterator[asyncio.Task[None]]:
    task = group.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _first(group: BaseExceptionGroup[ShipslogError]) -> ShipslogError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
