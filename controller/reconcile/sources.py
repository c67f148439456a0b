"""Repositories as the loop keeps them: credentials read, polling told, state reported."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from controller import logs
from controller.errors import ShipslogError, Terminal, Transient
from controller.model.event import Actor, Draft, EventType, Target
from controller.model.objects import Key, ObjectId
from controller.model.repository import Credentials, Repository
from controller.model.run import Trigger
from controller.record.identifier import derived

if TYPE_CHECKING:
    from controller.fetch.repository import Repositories
    from controller.fetch.survey import Rewrite
    from controller.ports import Cluster, Ledger
    from controller.reconcile.queue import KeyQueue
    from controller.reconcile.registry import Registry

SECRETS_AGAIN = 5.0
"""Seconds until a Secret that could not be read is tried again."""
SECRETS_INTERVAL = 60.0
"""Seconds between two readings of the Secrets: rotated credentials are in use after at most that long."""
_log = logs.get_logger(__name__)


class Sources:
    """Brings Repositories from the registry to fetch, and what fetch says back to keys and reports."""

    def __init__(
        self, home: Cluster, registry: Registry, repositories: Repositories, queue: KeyQueue, ledger: Ledger
    ) -> None:
        self._home = home
        self._registry = registry
        self._repositories = repositories
        self._queue = queue
        self._ledger = ledger
        self._rewrites: asyncio.Queue[Draft] = asyncio.Queue()
        self._changes: asyncio.Queue[Key] = asyncio.Queue()
        self.on_failure: Callable[[Key, ShipslogError], None] = lambda _key, _error: None

    def change(self, key: Key, repository: Repository | None) -> None:
        """A Repository was created, changed, or deleted (None)."""
        if repository is None:
            self._repositories.forget(key)
        else:
            self._changes.put_nowait(key)

    def moved(self, key: Key) -> None:
        """A ref of the Repository moved: look at all Applications that read it."""
        for app in self._registry.applications.values():
            if Key(app.key.namespace, app.spec.source.repository) == key:
                self._queue.put(app.key, Trigger.REVISION)

    def rewritten(self, key: Key, rewrite: Rewrite) -> None:
        """History of a Repository was rewritten: record it."""
        detail = {"repository": str(key), "ref": rewrite.ref, "old": rewrite.old, "new": rewrite.new}
        _log.warning("History was rewritten", **detail)
        self._rewrites.put_nowait(
            Draft(
                type=EventType.REVISION_REWRITTEN,
                id=derived("rewritten", str(key), rewrite.ref, rewrite.old, rewrite.new),
                actor=Actor(kind="unknown", name=""),
                target=Target(namespace=key.namespace, object=f"Repository {key}"),
                revision=rewrite.new,
                reason=f"{rewrite.ref} went from {rewrite.old[:8]} to {rewrite.new[:8]}, which does not follow from it",
                detail=detail,
            )
        )

    async def run(self) -> None:
        """Follow changes, and read the Secrets again and again, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="repository changes")
            group.create_task(self._reread(), name="repository secrets")
            group.create_task(self._record(), name="repository rewrites")
            group.create_task(self._tidy(), name="repository mirrors")

    async def _follow(self) -> None:
        while True:
            key = await self._changes.get()
            await self._ensure(key)
            self._changes.task_done()
            self.moved(key)

    async def _record(self) -> None:
        while True:
            draft = await self._rewrites.get()
            try:
                await self._ledger.append(draft)
            except ShipslogError as error:
                _log.warning("Event not recorded yet", error=str(error))
                asyncio.get_running_loop().call_later(SECRETS_AGAIN, self._rewrites.put_nowait, draft)

    async def _tidy(self) -> None:
        """Once every Repository is known, mirrors that none of them reads are deleted."""
        await self._registry.synced()
        await self._changes.join()
        await self._repositories.sweep()

    async def _reread(self) -> None:
        while True:
            await asyncio.sleep(SECRETS_INTERVAL)
            for key, repository in list(self._registry.repositories.items()):
                if repository.spec.secret_ref:
                    await self._ensure(key)

    async def _ensure(self, key: Key) -> None:
        repository = self._registry.repositories.get(key)
        if repository is None:
            return
        try:
            credentials = await self._credentials(repository)
        except ShipslogError as error:
            _log.warning("Credentials not read", repository=str(key), error=str(error))
            self.on_failure(key, error)
            if isinstance(error, Transient):
                # The API is away, not the Secret: what we know of the repository still counts.
                asyncio.get_running_loop().call_later(SECRETS_AGAIN, self._changes.put_nowait, key)
                return
            # Without the Secret the server may still let us in, or say why not; a new try comes with the next reading.
            credentials = None
        self._repositories.ensure(repository, credentials)

    async def _credentials(self, repository: Repository) -> Credentials | None:
        reference = repository.spec.secret_ref
        if reference is None:
            return None
        place = f"Repository {repository.key}: spec.secretRef: Secret {repository.key.namespace}/{reference.name}"
        secret = await self._home.get(ObjectId("", "Secret", repository.key.namespace, reference.name), "v1")
        if secret is None:
            raise Terminal(f"{place} does not exist", remedy="create it with username and password")
        data = secret.get("data") or {}
        credentials = Credentials(_text(data, "username", place), _text(data, "password", place))
        logs.secret(credentials.password)
        return credentials


def _text(data: dict[str, Any], name: str, place: str) -> str:
    try:
        return base64.b64decode(data[name], validate=True).decode()
    except KeyError:
        raise Terminal(f"{place} has no key {name!r}", remedy="add it") from None
    except (binascii.Error, UnicodeDecodeError, TypeError):
        raise Terminal(f"{place}: {name} is no text", remedy="store UTF-8 text") from None
