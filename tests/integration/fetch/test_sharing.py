"""One mirror is shared by all who read a URL: what one of them asks for costs the others nothing."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from controller.fetch.errors import TooLarge
from controller.model.objects import Key
from controller.model.ref import Ref
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.fetch.conftest import Shop

MAIN, HUGE = Ref(branch="main"), Ref(branch="huge")
OTHER = Key("team-evil", "shop")
LIMIT = 1 << 20


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _push_huge(shop: Shop) -> str:
    """A branch that is over the limit; the working copy is on main again."""

    def work() -> str:
        shop.work.branch("huge")
        sha = shop.work.publish({"noise": os.urandom(3 * LIMIT)}, "Huge")
        git("checkout", "--quiet", "main", cwd=shop.work.path)
        return sha

    return await asyncio.to_thread(work)


async def test_a_ref_that_is_too_large_is_refused_to_those_who_want_it_only(shop: Shop, tmp_path: Path) -> None:
    """Others read on, what was there and what is pushed later; each Repository's state is its own."""
    await _push_huge(shop)
    news = News()
    async with repositories(tmp_path / "mirrors", news, largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        opened.ensure(repository(shop.url, key=OTHER))
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first
        with pytest.raises(TooLarge, match=r"refs/heads/huge: over 1 MiB"):
            await opened.revision(OTHER, HUGE)
        assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"

        second = await shop.publish({"b.yaml": "b: 2"})
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == second
        assert await opened.tree(SHOP, second).blob("b.yaml") == b"b: 2"
        with pytest.raises(TooLarge):
            await opened.revision(OTHER, HUGE, fresh_since=_now())
        states = dict(news.states)
        assert (states[SHOP].error, type(states[OTHER].error)) == (None, TooLarge)


async def test_refs_that_are_asked_for_together_are_told_apart(shop: Shop, tmp_path: Path) -> None:
    """A fresh mirror, both wanted at once: the one that fits is there."""
    await _push_huge(shop)
    async with repositories(tmp_path / "mirrors", largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        opened.ensure(repository(shop.url, key=OTHER))
        found, refused = await asyncio.gather(
            opened.revision(SHOP, MAIN), opened.revision(OTHER, HUGE), return_exceptions=True
        )
        assert (getattr(found, "sha", found), type(refused)) == (shop.first, TooLarge)


async def test_what_is_too_large_is_fetched_again_only_when_it_moved(shop: Shop, tmp_path: Path) -> None:
    """Nobody can have it downloaded again and again by asking; a smaller one is taken."""
    await _push_huge(shop)
    async with repositories(tmp_path / "mirrors", largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url, key=OTHER))
        with pytest.raises(TooLarge):
            await opened.revision(OTHER, HUGE)
        fetched = shop.server.count("fetch")
        for _ in range(3):
            with pytest.raises(TooLarge):
                await opened.revision(OTHER, HUGE, fresh_since=_now())
        assert shop.server.count("fetch") == fetched

        await asyncio.to_thread(git, "push", "--quiet", "--force", "origin", "main:huge", cwd=shop.work.path)
        assert (await opened.revision(OTHER, HUGE, fresh_since=_now())).sha == shop.first


async def test_an_unknown_commit_that_can_not_be_searched_for_is_refused_alone(shop: Shop, tmp_path: Path) -> None:
    """Searching it means to fetch all branches, which is over the limit here."""
    await _push_huge(shop)
    async with repositories(tmp_path / "mirrors", largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        opened.ensure(repository(shop.url, key=OTHER))
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first
        with pytest.raises(TooLarge, match="0000000"):
            await opened.revision(OTHER, Ref(commit="0" * 39 + "1"))
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == shop.first
        assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"


async def test_history_that_was_rewritten_makes_room(shop: Shop, tmp_path: Path) -> None:
    """Old and new do not fit together; the old goes when the new is there, not before."""
    async with repositories(tmp_path / "mirrors", largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        old = await shop.publish({"noise": os.urandom(int(0.7 * LIMIT))})
        assert (await opened.revision(SHOP, MAIN)).sha == old
        new = await shop.rewrite({"noise": os.urandom(int(0.7 * LIMIT))})
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == new
        assert len(await opened.tree(SHOP, new).blob("noise") or b"") == int(0.7 * LIMIT)
        assert opened._pollers[opened._places[SHOP]].mirror.size < LIMIT


async def test_a_push_that_is_too_large_leaves_the_last_good_commit(shop: Shop, tmp_path: Path) -> None:
    """It is refused with its reason, and what stands can still be rendered."""
    news = News()
    async with repositories(tmp_path / "mirrors", news, largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
        await shop.publish({"noise": os.urandom(3 * LIMIT)})
        with pytest.raises(TooLarge):
            await opened.revision(SHOP, MAIN, fresh_since=_now())
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first
        assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"
        assert isinstance(news.states[-1][1].error, TooLarge)
    async with repositories(tmp_path / "mirrors", news, largest_mirror=LIMIT) as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(TooLarge):
            await opened.revision(SHOP, MAIN, fresh_since=_now())
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first
