"""The mirror on disk: bounded, repaired by itself, and never in the way."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from controller.fetch import environment, store
from controller.fetch.errors import CommitNotFound, MirrorCorrupt, RefNotFound, TooLarge
from controller.model.ref import Ref
from tests.ground.git_repository import environment as clean
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.fetch.conftest import Shop

MAIN = Ref(branch="main")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _mirror(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def _truncate_packs(mirror: Path) -> None:
    for pack in mirror.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])


def _remove_packs(mirror: Path) -> None:
    for path in mirror.glob("objects/pack/*"):
        path.unlink()


def _scribble(mirror: Path) -> None:
    (mirror / "HEAD").write_text("nonsense")


@pytest.mark.parametrize("damage", [_truncate_packs, _remove_packs, _scribble])
async def test_a_mirror_that_was_damaged_while_we_were_away_is_made_anew(
    shop: Shop, tmp_path: Path, damage: object
) -> None:
    """Whoever asks does not notice."""
    assert callable(damage)
    for _ in range(2):
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(shop.url))
            assert (await opened.revision(SHOP, MAIN)).sha == shop.first
            assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"
        await asyncio.to_thread(damage, _mirror(tmp_path / "mirrors"))

    assert shop.server.count("fetch") == 2


async def test_a_mirror_that_is_damaged_under_our_hands_is_made_anew(shop: Shop, tmp_path: Path) -> None:
    """Who reads gets an error that passes by itself."""
    second = await shop.publish({"b/c.yaml": "c"})
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
        await opened._pollers[opened._places[SHOP]].mirror.objects.rest()
        await asyncio.to_thread(_truncate_packs, _mirror(tmp_path / "mirrors"))
        polled = len(news.polls)
        with pytest.raises((MirrorCorrupt, CommitNotFound)):
            await opened.tree(SHOP, second).blob("b/c.yaml")
        await news.until(lambda: len(news.polls) > polled)

        assert await opened.tree(SHOP, second).blob("b/c.yaml") == b"c"


async def test_what_a_killed_git_left_is_removed(shop: Shop, tmp_path: Path) -> None:
    """A lock would stop every later fetch."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
    mirror = _mirror(tmp_path / "mirrors")
    left = [mirror / "refs/shipslog/heads/main.lock", mirror / "packed-refs.lock", mirror / "objects/pack/tmp_pack_x"]
    for path in left:
        await asyncio.to_thread(path.write_bytes, b"x")
    second = await shop.publish({"a.yaml": "a: 2"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, MAIN)).sha == second

    assert not [path for path in left if path.exists()]


async def test_a_repository_that_is_too_large_is_refused_and_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    """The disk belongs to all."""
    await shop.publish({"noise": os.urandom(3 << 20)})
    async with repositories(tmp_path / "mirrors", largest_mirror=1 << 20) as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(TooLarge, match="over 1 MiB"):
            await opened.revision(SHOP, MAIN)
        packs = list(_mirror(tmp_path / "mirrors").glob("objects/pack/*"))

        assert sum(path.stat().st_size for path in packs) == 0


async def test_many_fetches_do_not_pile_up_packs(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fetch is a pack; they are put together now and then."""
    monkeypatch.setattr(store, "_MOST_PACKS", 5)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        for number in range(8):
            sha = await shop.publish({"a.yaml": f"a: {number}"})
            assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == sha
        tree = opened.tree(SHOP, shop.first)

        assert await tree.blob("a.yaml") == b"a: 1"
    assert len(list(_mirror(tmp_path / "mirrors").glob("objects/pack/*.pack"))) <= 5


async def test_a_commit_that_no_branch_has_is_fetched_by_its_id(shop: Shop, tmp_path: Path) -> None:
    """Where the server allows it."""
    second = await shop.publish({"a.yaml": "a: 2"})
    await shop.rewrite()
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, Ref(commit=second))).sha == second
        assert await opened.tree(SHOP, second).blob("a.yaml") == b"a: 2"


async def test_a_commit_is_found_in_the_branches_where_its_id_can_not_be_asked_for(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old servers give what a ref names only."""
    monkeypatch.setitem(environment._CONFIG, "protocol.version", "0")
    await asyncio.to_thread(git, "config", "uploadpack.allowAnySHA1InWant", "false", cwd=shop.bare.path)
    await asyncio.to_thread(shop.work.branch, "side")
    second = await shop.publish({"a.yaml": "a: 2"})
    await shop.publish({"a.yaml": "a: 3"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, Ref(commit=second))).sha == second


async def test_a_commit_that_is_nowhere_is_searched_once(shop: Shop, tmp_path: Path) -> None:
    """Until the server's refs move, nobody's retries make us fetch everything again."""
    missing = Ref(commit="1" * 40)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        for _ in range(3):
            with pytest.raises(CommitNotFound, match="1111"):
                await opened.revision(SHOP, missing, fresh_since=_now())

        assert shop.server.count("fetch") <= 2


async def test_a_pinned_commit_asks_the_server_no_more(shop: Shop, tmp_path: Path) -> None:
    """A commit never moves."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        pinned = Ref(commit=shop.first)
        await opened.revision(SHOP, pinned)
        before = shop.server.count("ls-refs")
        assert (await opened.revision(SHOP, pinned, fresh_since=_now())).sha == shop.first

        assert shop.server.count("ls-refs") == before


async def test_a_tag_of_no_commit_is_told(shop: Shop, tmp_path: Path) -> None:
    """Git lets one tag a file."""
    await asyncio.to_thread(git, "tag", "file", "main:a.yaml", cwd=shop.bare.path)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(RefNotFound, match="tag 'file' names no commit"):
            await opened.revision(SHOP, Ref(tag="file"))
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first


async def test_an_empty_repository_is_told(shop: Shop, tmp_path: Path) -> None:
    """And is read as soon as it is not empty any more."""
    bare = await asyncio.to_thread(shop.server.create, "empty")
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(bare.url))
        with pytest.raises(RefNotFound, match="is empty"):
            await opened.revision(SHOP, Ref())
        work = await asyncio.to_thread(bare.worktree, tmp_path / "empty-work")
        head = await asyncio.to_thread(work.publish, {"a": "b"}, "First")
        assert (await opened.revision(SHOP, Ref(), fresh_since=_now())).sha == head


async def test_a_detached_head_is_the_default(shop: Shop, tmp_path: Path) -> None:
    """Without a default branch there is still a default commit."""
    second = await shop.publish({"a.yaml": "a: 2"})
    await asyncio.to_thread(git, "update-ref", "--no-deref", "HEAD", shop.first, cwd=shop.bare.path)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        default = await opened.revision(SHOP, Ref())
        assert (default.sha, default.ref) == (shop.first, "HEAD")
        assert (await opened.revision(SHOP, MAIN)).sha == second


async def test_another_default_branch_is_followed(shop: Shop, tmp_path: Path) -> None:
    """As when master becomes main."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, Ref())
        await asyncio.to_thread(git, "branch", "-m", "main", "trunk", cwd=shop.bare.path)
        opened.poll(SHOP)
        await news.until(lambda: SHOP in news.changes)
        found = await opened.revision(SHOP, Ref())

        assert (found.sha, found.ref) == (shop.first, "refs/heads/trunk")


async def test_a_repository_with_sha256_ids_is_read(shop: Shop, tmp_path: Path) -> None:
    """The mirror takes the server's kind of ids."""
    bare = shop.bare.path.with_name("sha256.git")

    def make() -> str:
        git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", str(bare), cwd=tmp_path)
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=bare, input=b"x", env=clean(), capture_output=True, check=True
        )
        made = subprocess.run(
            ["git", "mktree"],
            cwd=bare,
            input=b"100644 blob " + blob.stdout.strip() + b"\tf\n",
            env=clean(),
            capture_output=True,
            check=True,
        )
        sha = git("commit-tree", made.stdout.decode().strip(), "-m", "First", cwd=bare)
        git("update-ref", "refs/heads/main", sha, cwd=bare)
        return sha

    sha = await asyncio.to_thread(make)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(bare.as_uri()))
        assert (await opened.revision(SHOP, MAIN)).sha == sha
        assert len(sha) == 64
        assert await opened.tree(SHOP, sha).blob("f") == b"x"


async def test_a_pinned_commit_that_no_ref_has_comes_back_when_its_mirror_is_lost(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has it still, and its refs have not moved: it is asked for by its id again."""
    second = await shop.publish({"a.yaml": "a: 2"})
    await shop.rewrite()
    pinned, directory = Ref(commit=second), tmp_path / "mirrors"
    async with repositories(directory) as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, pinned)).sha == second
        poller = opened._pollers[opened._places[SHOP]]

        poller.evict()
        async with asyncio.timeout(10):
            while not poller.mirror.evicted:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)
        monkeypatch.setattr(poller.mirror, "discard", None)  # emptied on purpose, it is not broken

        assert (await opened.revision(SHOP, pinned, fresh_since=_now())).sha == second
        assert await opened.tree(SHOP, second).blob("a.yaml") == b"a: 2"
