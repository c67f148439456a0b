"""A Git server with a repository, and Repositories that read it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from controller.fetch.news import Listeners, RepositoryState
from controller.fetch.repository import Repositories
from controller.model.objects import Key
from controller.model.repository import Credentials, Repository, RepositorySpec, SecretRef
from tests.ground.git_server import BareRepository, GitServer, Worktree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path

    from controller.errors import ShipslogError
    from controller.fetch.rewrite import Rewrite

SHOP = Key("team-pay", "shop")


def repository(url: str, *, key: Key = SHOP, interval: str = "1h", secret: str = "", **spec: object) -> Repository:
    """A Repository as the API would give it; by its interval it is polled when asked only."""
    reference = SecretRef(name=secret) if secret else None
    fields = RepositorySpec(url=url, interval=interval, secret_ref=reference, **spec)  # type: ignore[arg-type]
    return Repository(key, "uid-1", 1, fields)


@dataclass
class News:
    """All that listeners were told."""

    changes: list[Key] = field(default_factory=list)
    states: list[tuple[Key, RepositoryState]] = field(default_factory=list)
    rewrites: list[tuple[Key, Rewrite]] = field(default_factory=list)
    polls: list[str] = field(default_factory=list)
    refusal: ShipslogError | None = None
    """Why rewritten history can't be taken in now."""
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def listeners(self) -> Listeners:
        return Listeners(
            on_change=lambda key: self._note(self.changes, key),
            on_state=lambda key, state: self._note(self.states, (key, state)),
            on_rewrite=self._rewritten,
            on_poll=lambda result, _: self._note(self.polls, result),
        )

    async def _rewritten(self, key: Key, rewrite: Rewrite) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._note(self.rewrites, (key, rewrite))

    def _note(self, kept: list[Any], item: object) -> None:
        kept.append(item)
        self._told.set()

    async def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for what listeners are told to make it true."""
        async with asyncio.timeout(seconds):
            while not true():
                self._told.clear()
                await self._told.wait()


@asynccontextmanager
async def repositories(
    directory: Path, news: News | None = None, *, file_urls: bool = True, **options: Any
) -> AsyncIterator[Repositories]:
    """Repositories with file:// allowed, closed at the end."""
    async with asyncio.TaskGroup() as group:
        opened = Repositories(group, directory, (news or News()).listeners, file_urls=file_urls, **options)
        try:
            yield opened
        finally:
            await opened.close()


@dataclass
class Shop:
    """A repository with one commit, its server, and a working copy."""

    server: GitServer
    bare: BareRepository
    work: Worktree
    first: str

    @property
    def url(self) -> str:
        return self.bare.url

    async def publish(self, files: Mapping[str, str | bytes | None]) -> str:
        """Commit and push; the commit."""
        return await asyncio.to_thread(self.work.publish, files, "Change")

    async def rewrite(self, files: Mapping[str, str | bytes | None] | None = None) -> str:
        """Rewrite history: the first commit, and one of these files upon it where there are any; the head."""

        def push() -> str:
            self.work.rewind(self.first)
            head = self.work.commit(files, "Other") if files else self.first
            self.work.push(force=True)
            return head

        return await asyncio.to_thread(push)


@pytest.fixture
def shop(server: GitServer, tmp_path: Path) -> Shop:
    """One file, `a.yaml`, on `main`."""
    bare = server.create("shop")
    work = bare.worktree(tmp_path / "work")
    return Shop(server, bare, work, work.publish({"a.yaml": "a: 1"}, "First"))


@dataclass
class Private:
    """A repository with one commit that asks for a login."""

    server: GitServer
    url: str
    credentials: Credentials
    first: str


@pytest.fixture
def private(server: GitServer, tmp_path: Path) -> Private:
    """One file, `a.yaml`, on `main`."""
    bare = server.create("private", credentials=("reader", "pass/w%rd"))
    first = bare.worktree(tmp_path / "private-work").publish({"a.yaml": "a: 1"}, "First")
    return Private(server, bare.url, Credentials("reader", "pass/w%rd"), first)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server on loopback."""
    started = GitServer(tmp_path / "server").start()
    yield started
    started.stop()
