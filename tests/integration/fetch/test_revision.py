"""Which commit a ref means, and when the server is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.fetch.errors import NameRefused, RefNotFound
from controller.model.ref import Ref
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground.git_server import GitServer
    from tests.integration.fetch.conftest import Shop


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


async def test_a_range_follows_the_highest_version_of_the_tags(shop: Shop, tmp_path: Path) -> None:
    """A new version is taken up, a pre-release only where the range names one, a moved tag is recorded."""
    news = News()

    async def release(version: str) -> str:
        sha = await shop.publish({"a.yaml": version})
        await asyncio.to_thread(shop.work.tag, version, message=version)
        await asyncio.to_thread(shop.work.push, version)
        return sha

    old = await release("v1.9.0")
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, Ref(semver="^1.0"))).sha == old
        new, early = await release("v1.10.0"), await release("v2.0.0-rc.1")
        opened.poll(SHOP)
        await news.until(lambda: SHOP in news.changes)
        found = await opened.revision(SHOP, Ref(semver="^1.0"))
        assert (found.sha, found.ref) == (new, "refs/tags/v1.10.0")
        assert (await opened.revision(SHOP, Ref(semver=">=1.0.0-0"))).sha == early
        assert news.rewrites == []
        with pytest.raises(RefNotFound, match=r"no tag with a version in '\^3' \(it has: v2\.0\.0-rc\.1, v1\.10\.0"):
            await opened.revision(SHOP, Ref(semver="^3"))
        with pytest.raises(NameRefused, match=r"'latest' is no comparison .*spec\.source\.ref\.semver"):
            await opened.revision(SHOP, Ref(semver="latest"))


async def test_any_ref_of_the_server_can_be_named(shop: Shop, tmp_path: Path) -> None:
    """A pull request's head is followed; when it goes, that is said; it survives a restart without the server."""
    await asyncio.to_thread(git, "push", "-q", "origin", "HEAD:refs/pull/7/head", cwd=shop.work.path)
    ref, news = Ref(name="refs/pull/7/head"), News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, ref)).sha == shop.first
        second = await asyncio.to_thread(shop.work.commit, {"a.yaml": "a: 2"}, "Second")
        await asyncio.to_thread(git, "push", "-q", "origin", "HEAD:refs/pull/7/head", cwd=shop.work.path)
        found = await opened.revision(SHOP, ref, fresh_since=asyncio.get_running_loop().time())
        assert (found.sha, found.ref) == (second, "refs/pull/7/head")
    await asyncio.to_thread(shop.server.stop)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, ref)).sha == second
    await asyncio.to_thread(shop.server.start)
    await asyncio.to_thread(git, "push", "-q", "origin", ":refs/pull/7/head", cwd=shop.work.path)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(RefNotFound, match="no ref 'refs/pull/7/head'"):
            await opened.revision(SHOP, ref)
