"""Polling: what it costs when nothing moved, and what it says when something did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.errors import Transient, Unreachable
from controller.fetch.errors import GitFailed, NotPolled, RefNotFound
from controller.fetch.rewrite import Rewrite
from controller.model.objects import Key
from controller.model.ref import Ref
from controller.model.revision import Revision
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.fetch.conftest import Shop

MAIN = Ref(branch="main")


def _now() -> float:
    return asyncio.get_running_loop().time()


async def test_nothing_is_fetched_when_nothing_moved(shop: Shop, tmp_path: Path) -> None:
    """Polls go on by themselves, each is one listing of refs."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, interval="100ms"))
        await opened.revision(SHOP, MAIN)
        listed, fetched = shop.server.count("ls-refs"), shop.server.count("fetch")
        polled = len(news.polls)
        await news.until(lambda: len(news.polls) >= polled + 3)
        await opened.close()

        assert news.polls[polled:].count("unchanged") == len(news.polls) - polled
        assert shop.server.count("ls-refs") - listed >= 3
        assert shop.server.count("fetch") == fetched == 1
        assert news.changes == []
        assert len(news.states) == 1


async def test_a_push_is_seen_by_polling(shop: Shop, tmp_path: Path) -> None:
    """Nobody has to ask."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, interval="100ms"))
        await opened.revision(SHOP, MAIN)
        second = await shop.publish({"a.yaml": "a: 2"})
        await news.until(lambda: SHOP in news.changes)

        assert (await opened.revision(SHOP, MAIN)).sha == second
        assert news.states[-1][1].head == second
        assert news.rewrites == []


async def test_a_push_to_another_branch_is_nobodys_news(shop: Shop, tmp_path: Path) -> None:
    """Only refs that somebody wants are fetched and told of."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        first = await opened.revision(SHOP, MAIN)
        await asyncio.to_thread(shop.work.branch, "side")
        await shop.publish({"b.yaml": "b: 1"})
        assert await opened.revision(SHOP, MAIN, fresh_since=_now()) == first

        assert shop.server.count("fetch") == 1
        assert news.changes == []


async def test_two_repositories_of_one_url_share_a_mirror(shop: Shop, tmp_path: Path) -> None:
    """Without credentials everybody may share; each hears of what it wants only."""
    other = Key("team-search", "config")
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        opened.ensure(repository(shop.url, key=other))
        await asyncio.to_thread(shop.work.branch, "side")
        side = await shop.publish({"b.yaml": "b: 1"})
        assert (await opened.revision(SHOP, MAIN)).sha == shop.first
        assert (await opened.revision(other, Ref(branch="side"))).sha == side
        third = await shop.publish({"b.yaml": "b: 2"})
        opened.poll(SHOP)
        await news.until(lambda: bool(news.changes))

        assert (await opened.revision(other, Ref(branch="side"))).sha == third
        assert news.changes == [other]
        assert len(list((tmp_path / "mirrors").iterdir())) == 1


async def test_a_deleted_branch_is_told_and_named_with_what_there_is(shop: Shop, tmp_path: Path) -> None:
    """It may come back, and then a branch below its name may come, too."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await asyncio.to_thread(shop.work.branch, "release")
        await shop.publish({"b.yaml": "b: 1"})
        await opened.revision(SHOP, Ref(branch="release"))
        await asyncio.to_thread(git, "push", "--quiet", "origin", ":release", cwd=shop.work.path)
        opened.poll(SHOP)
        await news.until(lambda: news.changes == [SHOP])
        with pytest.raises(RefNotFound, match=r"no branch 'release'.*main"):
            await opened.revision(SHOP, Ref(branch="release"))

        await asyncio.to_thread(git, "branch", "-M", "release/1", cwd=shop.work.path)
        fourth = await shop.publish({"b.yaml": "b: 3"})
        found = await opened.revision(SHOP, Ref(branch="release/1"), fresh_since=_now())
        assert found.sha == fourth


async def test_a_branch_that_was_missed_is_told_when_it_appears(shop: Shop, tmp_path: Path) -> None:
    """Whoever was told that there is none need not ask again and again."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, interval="100ms"))
        with pytest.raises(RefNotFound):
            await opened.revision(SHOP, Ref(branch="later"))
        await asyncio.to_thread(shop.work.branch, "later")
        head = await shop.publish({"b.yaml": "b: 1"})
        await news.until(lambda: SHOP in news.changes)

        assert (await opened.revision(SHOP, Ref(branch="later"))).sha == head


async def test_a_forced_push_is_told_with_both_commits(shop: Shop, tmp_path: Path) -> None:
    """Rewritten history is no ordinary move."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        second = await shop.publish({"a.yaml": "a: 2"})
        await opened.revision(SHOP, MAIN)
        other = await shop.rewrite({"a.yaml": "a: 3"})
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == other

        assert news.rewrites == [(SHOP, Rewrite("refs/heads/main", second, other))]


async def test_a_forced_push_while_we_were_away_is_told_after_the_restart(shop: Shop, tmp_path: Path) -> None:
    """The mirror remembers where the branch was."""
    second = await shop.publish({"a.yaml": "a: 2"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
    await shop.rewrite()
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)

    assert news.rewrites == [(SHOP, Rewrite("refs/heads/main", second, shop.first))]


async def test_a_forced_push_is_told_though_the_mirror_was_lost_meanwhile(shop: Shop, tmp_path: Path) -> None:
    """Who asks says what stood: once for each of them, and an ordinary push is nobody's news."""
    second = await shop.publish({"a.yaml": "a: 2"})
    stood = Revision(sha=second, ref="refs/heads/main")
    third = await shop.publish({"a.yaml": "a: 3"})
    news = News()
    async with repositories(tmp_path / "first", news) as opened:
        opened.ensure(repository(shop.url))
        assert (await opened.revision(SHOP, MAIN, before=stood)).sha == third
    assert news.rewrites == []
    other = await shop.rewrite({"a.yaml": "a: 4"})
    async with repositories(tmp_path / "second", news) as opened:
        opened.ensure(repository(shop.url))
        for _ in range(2):
            assert (await opened.revision(SHOP, MAIN, before=stood)).sha == other

    assert news.rewrites == [(SHOP, Rewrite("refs/heads/main", second, other))]


async def test_a_forced_push_is_told_though_the_mirror_was_thrown_away_for_it(shop: Shop, tmp_path: Path) -> None:
    """A mirror that turns out to be damaged is made anew; where the branch was is remembered over that."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        second = await shop.publish({"a.yaml": "a: 2"})
        await opened.revision(SHOP, MAIN)
        opened._pollers[opened._places[SHOP]].mirror.corrupt = True
        other = await shop.rewrite({"a.yaml": "a: 3"})
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == other

        assert news.rewrites == [(SHOP, Rewrite("refs/heads/main", second, other))]


async def test_nobody_is_answered_with_rewritten_history_that_could_not_be_recorded(shop: Shop, tmp_path: Path) -> None:
    """The commit before stays the answer until it can be; then it is told once."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        second = await shop.publish({"a.yaml": "a: 2"})
        await opened.revision(SHOP, MAIN)
        other = await shop.rewrite({"a.yaml": "a: 3"})
        news.refusal = Transient("the spool is full")
        with pytest.raises(GitFailed, match="can't be recorded yet: the spool is full"):
            await opened.revision(SHOP, MAIN, fresh_since=_now())
        assert (await opened.revision(SHOP, MAIN)).sha == second
        assert news.rewrites == []

        news.refusal = None
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == other
        assert news.rewrites == [(SHOP, Rewrite("refs/heads/main", second, other))]


async def test_a_moved_tag_is_told_with_both_commits(shop: Shop, tmp_path: Path) -> None:
    """Tags should stand; annotated ones are told by their commits."""
    news = News()
    await asyncio.to_thread(lambda: shop.work.tag("v1", message="one"))
    await asyncio.to_thread(shop.work.push, "v1")
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, Ref(tag="v1"))
        second = await shop.publish({"a.yaml": "a: 2"})
        await asyncio.to_thread(lambda: shop.work.tag("v1", message="one", force=True))
        await asyncio.to_thread(lambda: shop.work.push("v1", force=True))
        assert (await opened.revision(SHOP, Ref(tag="v1"), fresh_since=_now())).sha == second

        assert news.rewrites == [(SHOP, Rewrite("refs/tags/v1", shop.first, second))]


async def test_a_restart_takes_the_mirror_as_it_is(shop: Shop, tmp_path: Path) -> None:
    """When nothing moved meanwhile, nothing is fetched."""
    for _ in range(2):
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(shop.url))
            assert (await opened.revision(SHOP, MAIN)).sha == shop.first
            assert (await opened.revision(SHOP, Ref())).ref == "refs/heads/main"

    assert shop.server.count("fetch") == 1


async def test_after_a_restart_without_the_server_the_mirror_answers(shop: Shop, tmp_path: Path) -> None:
    """Healing goes on while Git is away; who wants fresh news is told the truth."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, Ref())
    await asyncio.to_thread(shop.server.stop)
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, interval="100ms"))
        for ref in (Ref(), MAIN):
            assert (await opened.revision(SHOP, ref)).sha == shop.first
        assert await opened.tree(SHOP, shop.first).blob("a.yaml") == b"a: 1"
        with pytest.raises(Unreachable):
            await opened.revision(SHOP, MAIN, fresh_since=_now())
        await news.until(lambda: bool(news.states))
        assert not news.states[-1][1].reachable

        await asyncio.to_thread(shop.server.start)
        await news.until(lambda: news.states[-1][1].reachable)


async def test_whoever_got_an_error_is_told_when_the_server_is_back(shop: Shop, tmp_path: Path) -> None:
    """An outage ends with a change for all who waited, and while it lasts nobody's retries reach the server."""
    await asyncio.to_thread(shop.server.stop)
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, interval="100ms"))
        with pytest.raises(Unreachable):
            await opened.revision(SHOP, MAIN)
        await asyncio.to_thread(shop.server.start)
        await news.until(lambda: SHOP in news.changes)

        assert (await opened.revision(SHOP, MAIN)).sha == shop.first


async def test_a_suspended_repository_is_looked_at_no_more(shop: Shop, tmp_path: Path) -> None:
    """What was known stays known."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url, suspend=True))
        with pytest.raises(NotPolled, match="suspended"):
            await opened.revision(SHOP, MAIN)
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
        opened.ensure(repository(shop.url, suspend=True))
        await shop.publish({"a.yaml": "a: 2"})
        before = shop.server.count("ls-refs")
        assert (await opened.revision(SHOP, MAIN, fresh_since=_now())).sha == shop.first

        assert shop.server.count("ls-refs") == before


async def test_an_unknown_repository_is_not_ready(tmp_path: Path) -> None:
    """An Application may be there before its Repository."""
    async with repositories(tmp_path / "mirrors") as opened:
        with pytest.raises(NotPolled, match="team-pay/shop"):
            await opened.revision(SHOP, MAIN)
        with pytest.raises(NotPolled, match="team-pay/shop"):
            opened.tree(SHOP, "a" * 40)


async def test_who_joins_a_mirror_later_is_told_its_state_soon(shop: Shop, tmp_path: Path) -> None:
    """Not at the next poll, which may be an hour away."""
    other = Key("team-search", "config")
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, MAIN)
        opened.ensure(repository(shop.url, key=other))
        await news.until(lambda: other in dict(news.states))

        assert dict(news.states)[other].head == shop.first
