"""Which commit a ref means, and when the server is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.model.ref import Ref
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground.git_server import GitServer


@pytest.mark.parametrize("over", ["file", "http"])
async def test_a_branch_a_tag_a_commit_and_nothing_each_name_a_commit(
    server: GitServer, tmp_path: Path, over: str
) -> None:
    """Branch, annotated tag (peeled), commit and the default branch are all understood."""
    bare = await asyncio.to_thread(server.create, "shop")
    work = await asyncio.to_thread(bare.worktree, tmp_path / "work")
    first = await asyncio.to_thread(
        work.commit, {"a.yaml": "a: 1"}, "First\n\nwith a body", when="2026-01-02T03:04:05Z"
    )
    await asyncio.to_thread(work.tag, "v1", message="one")
    await asyncio.to_thread(work.push, "HEAD", "v1")
    second = await asyncio.to_thread(work.publish, {"a.yaml": "a: 2"}, "Second")
    await asyncio.to_thread(work.branch, "feature/x")
    third = await asyncio.to_thread(work.publish, {"b.yaml": "b: 1"}, "Third")
    url = bare.url if over == "http" else bare.file_url

    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(url))
        tag = await opened.revision(SHOP, Ref(tag="v1"))
        assert (tag.sha, tag.ref) == (first, "refs/tags/v1")
        assert (tag.author, tag.message) == ("shipslog demo <demo@shipslog.dev>", "First")
        assert tag.committed_at == "2026-01-02T03:04:05Z"
        assert (await opened.revision(SHOP, Ref())).sha == second
        assert (await opened.revision(SHOP, Ref())).ref == "refs/heads/main"
        assert (await opened.revision(SHOP, Ref(branch="feature/x"))).sha == third
        assert (await opened.revision(SHOP, Ref(commit=first))).sha == first
        tree = opened.tree(SHOP, third)
        assert [entry.path for entry in await tree.entries("") or ()] == ["a.yaml", "b.yaml"]
        assert await tree.blob("b.yaml") == b"b: 1"


async def test_two_hundred_askers_share_one_question(server: GitServer, tmp_path: Path) -> None:
    """However many want to know, the server is asked once."""
    bare = await asyncio.to_thread(server.create, "shop")
    work = await asyncio.to_thread(bare.worktree, tmp_path / "work")
    head = await asyncio.to_thread(work.publish, {"a.yaml": "a: 1"}, "First")

    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(bare.url))
        now = asyncio.get_running_loop().time()
        found = await asyncio.gather(*(opened.revision(SHOP, Ref(branch="main"), fresh_since=now) for _ in range(200)))
        assert {revision.sha for revision in found} == {head}
        assert server.count("ls-refs") == 2  # ls-remote, and the fetch's own
        assert server.count("fetch") == 1
        now = asyncio.get_running_loop().time()
        await asyncio.gather(*(opened.revision(SHOP, Ref(branch="main"), fresh_since=now) for _ in range(200)))
        assert server.count("ls-refs") == 3
        assert server.count("fetch") == 1


async def test_a_push_is_seen_when_asked_and_told_to_listeners(server: GitServer, tmp_path: Path) -> None:
    """What was pushed is there for who wants fresh news, and listeners hear of it."""
    bare = await asyncio.to_thread(server.create, "shop")
    work = await asyncio.to_thread(bare.worktree, tmp_path / "work")
    first = await asyncio.to_thread(work.publish, {"a.yaml": "a: 1"}, "First")
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(bare.file_url))
        assert (await opened.revision(SHOP, Ref())).sha == first
        second = await asyncio.to_thread(work.publish, {"a.yaml": "a: 2"}, "Second")
        assert (await opened.revision(SHOP, Ref())).sha == first
        opened.poll(SHOP)
        await news.until(lambda: news.changes == [SHOP])
        assert (await opened.revision(SHOP, Ref())).sha == second
        assert news.states[-1][1].head == second
        assert git("for-each-ref", cwd=bare.path)
