"""Repositories as the loop keeps them: credentials read, polling told, state reported."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from controller import faults, logs
from controller.errors import ShipslogError
from controller.fetch.errors import AuthenticationFailed, HostKeyRefused, SecretUnusable
from controller.model.event import Actor, Draft, EventType, Target
from controller.model.objects import Key
from controller.model.repository import Repository
from controller.model.run import Trigger
from controller.reconcile.access import access_of
from controller.reconcile.bulletin import Bulletin, News
from controller.reconcile.fault import InternalError
from controller.record.identifier import derived
from controller.tasks import deadline

if TYPE_CHECKING:
    from controller.fetch.news import RepositoryState
    from controller.fetch.repository import Repositories
    from controller.fetch.rewrite import Rewrite
    from controller.ports import Ledger
    from controller.reconcile.announce import Announcer
    from controller.reconcile.queue import KeyQueue
    from controller.reconcile.registry import Registry

SECRETS_AGAIN = 5.0
"""Seconds until a Secret that could not be read, or did not open the repository, is read again."""
SECRETS_INTERVAL = 60.0
"""Seconds between two readings of the Secrets: rotated credentials are in use after at most that long."""
AFTER_A_FAULT = 30.0
"""Seconds until a Repository on which our own code broke is tried again."""
SPREAD = 5.0
"""Seconds within which it must be known whom a commit concerns; else everyone who reads the Repository looks."""
_ABOUT_SECRETS = frozenset(error.__name__ for error in (AuthenticationFailed, HostKeyRefused, SecretUnusable))
_log = logs.get_logger(__name__)


class Sources:
    """Brings Repositories from the registry to fetch, and what fetch says back to keys and reports."""

    def __init__(
        self,
        announcer: Announcer,
        registry: Registry,
        repositories: Repositories,
        queue: KeyQueue,
        ledger: Ledger,
    ) -> None:
        self._home = registry.home
        self._registry = registry
        self._repositories = repositories
        self._queue = queue
        self._ledger = ledger
        self._bulletin = Bulletin(ledger, announcer)
        self._failing: dict[Key, str] = {}
        """Why each Repository could not be read when that was last recorded; empty: it could."""
        self._changes: asyncio.Queue[Key] = asyncio.Queue()
        self._again: set[Key] = set()
        """Those that are tried again soon."""
        self._told: set[Key] = set()
        """Those of whom a failure was told that polling knows nothing of."""
        self._moves: asyncio.Queue[Key] = asyncio.Queue()
        self._moving: Counter[Key] = Counter()
        """Moves of each Repository of which it is not known yet whom they concern."""
        self.on_spread: Callable[[Key], None] = lambda _key: None
        """Told when whoever a move of a Repository concerns is on the queue."""
        self.concerned: Callable[[Key], Awaitable[Iterable[Key]]] = self._readers
        """Whom it concerns that refs of a Repository moved: everyone who reads it, unless somebody knows better."""
        self.on_failure: Callable[[Key, ShipslogError], None] = lambda _key, _error: None

    def change(self, key: Key, repository: Repository | None) -> None:
        """A Repository was created, changed, or deleted (None)."""
        if repository is None:
            self._failing.pop(key, None)
            self._told.discard(key)
            self._repositories.forget(key)
        else:
            self._changes.put_nowait(key)

    def moved(self, key: Key) -> None:
        """A ref of the Repository moved: look at all Applications that this concerns."""
        self._moving[key] += 1
        self._moves.put_nowait(key)

    def is_moving(self, key: Key) -> bool:
        """Whether a ref of the Repository moved, and those whom this concerns are not on the queue yet."""
        return self._moving[key] > 0

    async def rewritten(self, key: Key, rewrite: Rewrite) -> None:
        """History of a Repository was rewritten: record it.

        Raises:
            SpoolError: that can't be promised to be durable now.
        """
        detail = {"repository": str(key), "ref": rewrite.ref, "old": rewrite.old, "new": rewrite.new}
        _log.warning("History was rewritten", **detail)
        news = self._news(
            key,
            "HistoryRewritten",
            Draft(
                type=EventType.REVISION_REWRITTEN,
                id=derived("rewritten", str(key), rewrite.ref, rewrite.old, rewrite.new),
                actor=Actor(kind="unknown", name=""),
                revision=rewrite.new,
                reason=f"{rewrite.ref} went from {rewrite.old[:8]} to {rewrite.new[:8]}, which does not follow from it",
                detail=detail,
            ),
        )
        if news is not None:
            faults.reach("before-rewrite-recorded")
            await self._ledger.append(news.draft)
            faults.reach("after-rewrite-recorded")
            await self._bulletin.announce(news)

    def state(self, key: Key, state: RepositoryState) -> None:
        """A Repository can be read, or why not: record it where that is news, also to an earlier process."""
        repository = self._registry.repositories.get(key)
        if repository is None:
            return
        before = self._failing.get(key, _failing_before(repository))
        now = self._failing[key] = type(state.error).__name__ if state.error else ""
        if before == now:
            return
        failed = bool(state.error)
        kind = EventType.REPOSITORY_FAILED if failed else EventType.REPOSITORY_RECOVERED
        news = self._news(
            key,
            now or "Recovered",
            Draft(
                type=kind,
                id=derived("repository", repository.uid, before, now, str(time.time())),
                outcome="failure" if failed else "success",
                reason=str(state.error)[:4096] if failed else "it can be read again",
                detail={"repository": str(key), "cause": now, "before": before},
            ),
        )
        if news is not None:
            self._bulletin.post(news)

    def _news(self, key: Key, reason: str, draft: Draft) -> News | None:
        repository = self._registry.repositories.get(key)
        if repository is None:
            return None
        target = Target(namespace=key.namespace, object=f"Repository {key}")
        return News(repository, reason, msgspec.structs.replace(draft, target=target))

    async def run(self) -> None:
        """Follow changes, and read the Secrets again and again, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="repository changes")
            group.create_task(self._spread(), name="repository moves")
            group.create_task(self._reread(), name="repository secrets")
            group.create_task(self._bulletin.run(), name="repository events")
            group.create_task(self._tidy(), name="repository mirrors")

    async def _follow(self) -> None:
        while True:
            key = await self._changes.get()
            try:
                await self._ensure(key)
            finally:
                self._changes.task_done()
            self._look(await self._readers(key))

    async def _spread(self) -> None:
        """Each Repository's news on a task of its own: a server that stalls holds up nobody else's."""
        async with asyncio.TaskGroup() as group:
            while True:
                key = await self._moves.get()
                group.create_task(self._hand_out(key), name=f"moves of {key}")

    async def _hand_out(self, key: Key) -> None:
        try:
            async with deadline(SPREAD, f"whom a commit of {key} concerns"):
                concerned = await self.concerned(key)
        except Exception as error:  # noqa: BLE001 - a look costs little, a commit that nobody hears of much
            _log.warning("Everyone who reads it looks", repository=str(key), reason=type(error).__name__)
            concerned = await self._readers(key)
        self._look(concerned)
        self._moving[key] -= 1
        self._moving += Counter()  # nobody that does not move
        self.on_spread(key)

    def _look(self, applications: Iterable[Key]) -> None:
        for key in applications:
            self._queue.put(key, Trigger.REVISION)

    async def _readers(self, key: Key) -> Iterable[Key]:
        applications = self._registry.applications.values()
        return [app.key for app in applications if Key(app.key.namespace, app.spec.source.repository) == key]

    async def _tidy(self) -> None:
        """Once every Repository is known, mirrors that none of them reads are deleted."""
        await self._registry.synced()
        await self._changes.join()
        await self._repositories.sweep()

    async def _reread(self) -> None:
        rounds = int(SECRETS_INTERVAL / SECRETS_AGAIN)
        while True:
            for turn in range(rounds):
                await asyncio.sleep(SECRETS_AGAIN)
                for key, repository in list(self._registry.repositories.items()):
                    spec = repository.spec
                    named = spec.secret_ref or spec.proxy_secret_ref or spec.verify
                    # Where the login fails it may be rotated at any moment, and somebody waits for it.
                    if named and (turn == rounds - 1 or self._failing.get(key) in _ABOUT_SECRETS):
                        await self._ensure(key)

    async def _ensure(self, key: Key) -> None:
        """Have it read as its spec and its Secrets say; what goes wrong is this Repository's alone. Raises nothing."""
        repository = self._registry.repositories.get(key)
        if repository is None:
            return
        try:
            await self._read(key, repository)
            if key in self._told:
                self._told.discard(key)
                self._repositories.tell_again(key)
        except ShipslogError as error:
            # The API is away, not the Secret: what we know of the repository still counts.
            _log.warning("Secrets not read", repository=str(key), error=str(error))
            self._later(key, error, SECRETS_AGAIN)
        except Exception as error:  # noqa: BLE001 - others must be read whatever one of them holds
            _log.exception("A Repository hit a fault", repository=str(key))
            self._later(key, InternalError(error, f"Repository {key}"), AFTER_A_FAULT)

    def _later(self, key: Key, error: ShipslogError, seconds: float) -> None:
        self.on_failure(key, error)
        self._told.add(key)
        if key not in self._again:
            self._again.add(key)
            asyncio.get_running_loop().call_later(seconds, self._try_again, key)

    def _try_again(self, key: Key) -> None:
        self._again.discard(key)
        self._changes.put_nowait(key)

    async def _read(self, key: Key, repository: Repository) -> None:
        access = await access_of(self._home, repository)
        if self._registry.repositories.get(key) is repository:  # else it changed or went meanwhile, and we were told
            self._repositories.ensure(repository, access.credentials, keys=access.keys, problem=access.problem)


def _failing_before(repository: Repository) -> str:
    """Why an earlier process could not read it, by its last word; empty where it could, or never tried."""
    ready = next((condition for condition in repository.status.conditions if condition.type == "Ready"), None)
    return ready.reason if ready and ready.status == "False" else ""
