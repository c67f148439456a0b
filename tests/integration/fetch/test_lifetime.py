"""What starts also ends: tasks, threads, processes, descriptors and directories."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from controller.fetch import poller as polling
from controller.fetch.command import MEMORY
from controller.fetch.errors import GitMissing, NotPolled, SecretUnusable, TimedOut
from controller.model.objects import Key
from controller.model.ref import Ref
from tests.integration.fetch.conftest import SHOP, repositories, repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.fetch.conftest import Private, Shop

MAIN = Ref(branch="main")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("git ") and thread.is_alive()} - {
        "git server"
    }


def _gits(directory: Path) -> list[psutil.Process]:
    """Git processes, dead ones that nobody reaped among them, that belong to this directory's mirrors."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("git") and process.environ().get("GIT_DIR", "").startswith(str(directory)):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found


def _descriptors() -> int:
    return psutil.Process().num_fds()


def _until(true: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it becomes true in time; a thread's or process's last step is not ours to await."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


async def test_nothing_is_left_after_close(shop: Shop, tmp_path: Path) -> None:
    """Threads, processes and descriptors are as before."""
    mirrors = tmp_path / "mirrors"
    descriptors = _descriptors()
    async with repositories(mirrors) as opened:
        for number in range(5):
            key = Key("team", f"r{number}")
            opened.ensure(repository(f"{shop.bare.file_url}/{'.' * (number % 2)}", key=key))
            opened.ensure(repository(shop.url if number else shop.bare.file_url, key=key))
            revision = await opened.revision(key, MAIN)
            assert await opened.tree(key, revision.sha).blob("a.yaml") == b"a: 1"
        assert await asyncio.to_thread(_gits, mirrors), "cat-file should be running"

    assert await asyncio.to_thread(_until, lambda: not _threads())
    assert await asyncio.to_thread(_until, lambda: not _gits(mirrors))
    await asyncio.to_thread(shop.server.stop)
    assert await asyncio.to_thread(_until, lambda: _descriptors() <= descriptors)


async def test_closing_does_not_wait_for_a_server_that_stalls(shop: Shop, tmp_path: Path) -> None:
    """Git and its helpers are ended at once, and whoever asked is told."""
    mirrors = tmp_path / "mirrors"
    await asyncio.to_thread(shop.server.stall_after, 10)
    async with repositories(mirrors) as opened:
        opened.ensure(repository(shop.url))
        asking = asyncio.create_task(opened.revision(SHOP, MAIN))
        assert await asyncio.to_thread(_until, lambda: len(_gits(mirrors)) >= 2)
        started = _now()
        await opened.close()
        assert _now() - started < 3
        with pytest.raises(NotPolled):
            await asking

    assert await asyncio.to_thread(_until, lambda: not _gits(mirrors))
    assert await asyncio.to_thread(_until, lambda: not _threads())


async def test_git_s_orphans_are_waited_for(shop: Shop, tmp_path: Path) -> None:
    """In a container the controller is the first process, and inherits what a killed git leaves."""
    become_reaper = functools.partial(ctypes.CDLL(None).prctl, 36)  # PR_SET_CHILD_SUBREAPER
    others = {child.pid for child in psutil.Process().children()}  # servers that other tests stand on
    become_reaper(1, 0, 0, 0)
    try:
        await asyncio.to_thread(shop.server.stall_after, 10)
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(shop.url, timeout="500ms"))
            with pytest.raises(TimedOut):
                await opened.revision(SHOP, MAIN)
            children = {child.pid for child in psutil.Process().children()} - others
            left = [pid for pid in children if _is_gits(pid)]
            assert not left
    finally:
        become_reaper(0, 0, 0, 0)


def _is_gits(pid: int) -> bool:
    """Whether a child belongs to the mirror: git's processes are groups of their own, the server's are of ours."""
    return os.getpgid(pid) != os.getpgrp()


async def test_git_s_memory_is_bounded(shop: Shop, tmp_path: Path) -> None:
    """A hostile pack may ask for any amount."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        revision = await opened.revision(SHOP, MAIN)
        await opened.tree(SHOP, revision.sha).blob("a.yaml")
        limits = await asyncio.to_thread(lambda: [git.rlimit(psutil.RLIMIT_AS) for git in _gits(tmp_path)])

    assert limits == [(MEMORY, MEMORY)]


async def test_a_machine_without_git_is_told_in_one_line(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(GitMissing, match="install git"):
            await opened.revision(SHOP, MAIN)


async def test_an_asker_that_goes_away_stops_nobody_else(shop: Shop, tmp_path: Path) -> None:
    """The question belongs to all who wait for it."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        asking = [asyncio.create_task(opened.revision(SHOP, MAIN)) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        found = await asyncio.gather(*asking, return_exceptions=True)

        assert isinstance(found[0], asyncio.CancelledError)
        assert {revision.sha for revision in found[1:] if not isinstance(revision, BaseException)} == {shop.first}


async def test_an_asker_follows_the_repository_to_another_url(shop: Shop, tmp_path: Path) -> None:
    """Who waits for the old server while the URL is corrected gets the answer of the new one."""
    await asyncio.to_thread(shop.server.stall_after, 10)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        asking = asyncio.create_task(opened.revision(SHOP, MAIN))
        assert await asyncio.to_thread(_until, lambda: len(_gits(tmp_path)) >= 2)
        opened.ensure(repository(shop.bare.file_url))
        async with asyncio.timeout(10):
            assert (await asking).sha == shop.first


async def test_a_forgotten_repository_takes_its_mirror_along_when_nobody_else_reads_it(
    shop: Shop, tmp_path: Path
) -> None:
    """And may come back at once."""
    other = Key("team-search", "shop")
    mirrors = tmp_path / "mirrors"
    async with repositories(mirrors) as opened:
        for key in (SHOP, other):
            opened.ensure(repository(shop.url, key=key))
            await opened.revision(key, MAIN)
        opened.forget(SHOP)
        with pytest.raises(NotPolled):
            await opened.revision(SHOP, MAIN)
        assert (await opened.revision(other, MAIN)).sha == shop.first
        opened.forget(other)
        assert await asyncio.to_thread(_until, lambda: not list(mirrors.iterdir()))
        opened.ensure(repository(shop.url, key=other))
        opened.forget(other)
        opened.ensure(repository(shop.url, key=other))
        assert (await opened.revision(other, MAIN)).sha == shop.first


async def test_mirrors_of_an_earlier_run_that_nobody_reads_are_swept(shop: Shop, tmp_path: Path) -> None:
    """A Repository may be deleted while we are away."""
    mirrors = tmp_path / "mirrors"
    async with repositories(mirrors) as opened:
        opened.ensure(repository(shop.url))
        opened.ensure(repository(shop.bare.file_url, key=Key("a", "b")))
        await opened.revision(SHOP, MAIN)
        await opened.revision(Key("a", "b"), MAIN)
    assert len(list(mirrors.iterdir())) == 2
    (mirrors / "x.git.0123.gone").mkdir()
    async with repositories(mirrors) as opened:
        opened.ensure(repository(shop.url))
        await opened.sweep()
        await opened.revision(SHOP, MAIN)

        assert len(list(mirrors.iterdir())) == 1
    assert shop.server.count("fetch") == 1


async def test_a_secret_that_is_away_for_a_moment_does_not_cost_the_mirror(private: Private, tmp_path: Path) -> None:
    """Nor the last good answer; the server is not asked without it."""
    ours, theirs = repository(private.url, secret="login"), private.credentials
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(ours, theirs)
        await opened.revision(SHOP, MAIN)
        opened.ensure(ours, None, problem="Secret team-pay/login does not exist\ncreate it")
        asked = private.server.count("info/refs")
        with pytest.raises(SecretUnusable):
            await opened.revision(SHOP, MAIN, fresh_since=asyncio.get_running_loop().time())
        assert (await opened.revision(SHOP, MAIN)).sha == private.first
        assert private.server.count("info/refs") == asked
        opened.ensure(ours, theirs)
        assert (await opened.revision(SHOP, MAIN)).sha == private.first

    assert private.server.count("fetch") == 1


async def test_an_idle_mirror_has_no_thread_and_no_process(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand Repositories at rest cost memory only; the next reader starts what it needs."""
    monkeypatch.setattr(polling, "_IDLE_SECONDS", 0.1)
    mirrors = tmp_path / "mirrors"
    async with repositories(mirrors) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
        assert await asyncio.to_thread(_until, lambda: not _gits(mirrors) and not _threads())

        assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"


async def test_one_host_that_stalls_holds_back_its_own_repositories_only(shop: Shop, tmp_path: Path) -> None:
    """However many of them there are."""
    await asyncio.to_thread(shop.server.stall_after, 10)
    async with repositories(tmp_path / "mirrors") as opened:
        for number in range(30):
            url = f"{shop.server.url}/{number}/../shop.git"  # another URL for us, the same for the server
            opened.ensure(repository(url, key=Key("slow", f"r{number}")))
        asking = [asyncio.create_task(opened.revision(Key("slow", f"r{number}"), MAIN)) for number in range(30)]
        opened.ensure(repository(shop.bare.file_url))
        async with asyncio.timeout(10):
            assert (await opened.revision(SHOP, MAIN)).sha == shop.first
        assert not [task for task in asking if task.done()]
        assert 0 < len({git.environ()["GIT_DIR"] for git in await asyncio.to_thread(_gits, tmp_path)}) <= 9
        await opened.close()
        assert all(isinstance(e, NotPolled) for e in await asyncio.gather(*asking, return_exceptions=True))
