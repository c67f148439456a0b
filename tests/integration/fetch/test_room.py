"""All mirrors together are bounded on disk; who made room is fetched again when that is needed, and not before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.model.objects import Key
from controller.model.ref import Ref
from tests.integration.fetch.conftest import News, repositories, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fetch.repository import Repositories
    from tests.ground.git_server import BareRepository, GitServer, Worktree

SIZE = 200_000
ROOM = int(2.5 * SIZE)
"""Two fit, three do not."""


@dataclass
class Big:
    """A repository whose one file can't be compressed."""

    key: Key
    bare: BareRepository
    work: Worktree
    head: str = ""

    async def publish(self) -> None:
        """Another commit with a file of its own."""
        self.head = await asyncio.to_thread(self.work.publish, {"a.bin": os.urandom(SIZE)}, "Big")

    async def read(self, opened: Repositories) -> int:
        """Ask for the commit and read the file; its size."""
        sha = (await opened.revision(self.key, Ref())).sha
        assert sha == self.head
        return len(await opened.tree(self.key, sha).blob("a.bin") or b"")


@pytest.fixture
def three(server: GitServer, tmp_path: Path) -> list[Big]:
    """Three of them."""
    made = []
    for name in ("one", "two", "three"):
        bare = server.create(name)
        work = bare.worktree(tmp_path / name)
        made.append(Big(Key("team-pay", name), bare, work, work.publish({"a.bin": os.urandom(SIZE)}, "Big")))
    return made


def _fits(directory: Path, seconds: float = 10) -> bool:
    """Whether the packs fit in time: what makes room is put aside first, then removed while we look."""
    deadline = time.monotonic() + seconds
    while sum(_sizes(directory)) >= ROOM:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _sizes(directory: Path) -> Iterator[int]:
    for folder, _, names in os.walk(directory):
        for name in names:
            if name.endswith(".pack"):
                with contextlib.suppress(FileNotFoundError):
                    yield (Path(folder) / name).stat().st_size


async def test_the_mirror_that_was_not_used_for_longest_makes_room(
    server: GitServer, three: list[Big], tmp_path: Path
) -> None:
    """It costs its server nothing while nobody reads it and nothing moves; whoever reads gets it back unnoticed."""
    directory, news = tmp_path / "mirrors", News()
    async with repositories(directory, news, room=ROOM) as opened:
        for big in three:
            opened.ensure(repository(big.bare.url, key=big.key))
            assert await big.read(opened) == SIZE
        mirrors = [opened._pollers[opened._places[big.key]].mirror for big in three]
        async with asyncio.timeout(10):
            while not mirrors[0].evicted:
                await opened.revision(three[2].key, Ref(), fresh_since=asyncio.get_running_loop().time())
        assert [mirror.evicted for mirror in mirrors] == [True, False, False]
        assert await asyncio.to_thread(_fits, directory)
        fetched = server.count("fetch", "one")

        polled = len(news.polls)
        opened.poll(three[0].key)
        await news.until(lambda: len(news.polls) > polled)
        assert (mirrors[0].evicted, server.count("fetch", "one")) == (True, fetched)

        assert await three[0].read(opened) == SIZE
        assert server.count("fetch", "one") == fetched + 1
        async with asyncio.timeout(10):
            while not mirrors[1].evicted:
                await opened.revision(three[0].key, Ref(), fresh_since=asyncio.get_running_loop().time())
        assert await asyncio.to_thread(_fits, directory)


async def test_a_mirror_that_made_room_still_hears_of_what_moves(three: list[Big], tmp_path: Path) -> None:
    """Also of rewritten history, with both ids."""
    directory, news = tmp_path / "mirrors", News()
    async with repositories(directory, news, room=ROOM) as opened:
        first = three[0]
        opened.ensure(repository(first.bare.url, key=first.key))
        await first.read(opened)
        mirror = opened._pollers[opened._places[first.key]].mirror
        opened._pollers[opened._places[first.key]].evict()
        polled = len(news.polls)
        await news.until(lambda: len(news.polls) > polled and mirror.evicted)

        old = first.head
        await first.publish()
        opened.poll(first.key)
        await news.until(lambda: first.key in news.changes)
        assert await first.read(opened) == SIZE
        assert news.rewrites == []

        opened._pollers[opened._places[first.key]].evict()
        polled = len(news.polls)
        await news.until(lambda: len(news.polls) > polled and mirror.evicted)
        before = first.head
        await asyncio.to_thread(first.work.rewind, old)
        first.head = await asyncio.to_thread(first.work.commit, {"b": "b"}, "Another")
        await asyncio.to_thread(first.work.push, force=True)
        opened.poll(first.key)
        await news.until(lambda: bool(news.rewrites))
        rewrite = news.rewrites[0][1]
        assert (rewrite.old, rewrite.new) == (before, first.head)
