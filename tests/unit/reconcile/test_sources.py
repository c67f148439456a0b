"""Repositories as the loop keeps them: one that breaks breaks no other, and events keep their order."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Unreachable
from controller.fetch.news import RepositoryState
from controller.fetch.rewrite import Rewrite
from controller.model.event import EventType
from controller.model.objects import Key
from controller.model.run import Trigger
from controller.reconcile import bulletin
from controller.reconcile import sources as module
from controller.reconcile.sources import Sources
from controller.reconcile.wiring import wire
from controller.record.errors import SpoolFull
from tests.unit.reconcile.harbour import SHOP, Harbour, config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from controller.errors import ShipslogError
    from controller.model.repository import Repository

CONFIG = Key(SHOP.namespace, "config")
SEEN = RepositoryState(reachable=True)
AWAY = RepositoryState(reachable=False, error=Unreachable("nobody answers"))


class Mute:
    """Nobody is told of anything."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


@asynccontextmanager
async def running(harbour: Harbour) -> AsyncIterator[Sources]:
    """Sources at work."""
    rooms = harbour.rooms
    sources = Sources(rooms.announcer, rooms.registry, rooms.repositories, rooms.queue, rooms.ledger)
    task = asyncio.create_task(sources.run(), name="sources")
    try:
        yield sources
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is written into lists tells nobody
            await asyncio.sleep(0.01)


async def test_a_repository_that_breaks_our_code_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so itself, those after it are read, and it is tried again; mirrors are swept all the same."""
    monkeypatch.setattr(module, "AFTER_A_FAULT", 0.05)
    harbour = Harbour(config())
    for name in ("bad", "later"):
        body = {"metadata": {"name": name, "namespace": "team-evil", "uid": name, "generation": 1}}
        harbour.registry._take("Repository", body | {"spec": {"url": "https://git.example.com/x"}})
    for event in harbour.registry._synced.values():
        event.set()
    read: list[str] = []
    swept = asyncio.Event()

    def ensure(repository: Repository, *_: Any, **__: Any) -> None:
        read.append(repository.key.name)
        if repository.key.name == "bad":
            raise ValueError("secret")

    async def sweep() -> None:
        swept.set()

    harbour.shelf.ensure = ensure  # type: ignore[method-assign]
    harbour.shelf.sweep = sweep  # type: ignore[method-assign]
    failures: list[tuple[Key, ShipslogError]] = []
    async with running(harbour) as sources:
        sources.on_failure = lambda key, error: failures.append((key, error))
        for key in (Key("team-evil", "bad"), Key("team-evil", "later"), CONFIG):
            sources.change(key, harbour.registry.repositories[key])
        await _until(lambda: read.count("bad") > 1)
        await asyncio.wait_for(swept.wait(), 5)

    assert {"later", "config"} <= set(read)
    assert {key.name for key, _ in failures} == {"bad"}
    assert failures[0][1].cause == "InternalError"
    assert "secret" not in str(failures[0][1])


async def test_events_of_a_repository_are_recorded_in_the_order_in_which_they_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A recovery never stands before its failure, though the failure could not be recorded at once."""
    monkeypatch.setattr(bulletin, "AGAIN", 0.05)
    harbour = Harbour(config())
    refused = 0

    def refuse(_: object) -> ShipslogError | None:
        nonlocal refused
        refused += 1
        return SpoolFull("no room") if refused == 1 else None

    harbour.ledger.refuse = refuse
    async with running(harbour) as sources:
        sources.state(CONFIG, AWAY)
        await _until(lambda: refused == 1)
        sources.state(CONFIG, SEEN)
        await _until(lambda: len(harbour.ledger.drafts) == 2)

    assert [draft.type for draft in harbour.ledger.drafts] == [
        EventType.REPOSITORY_FAILED,
        EventType.REPOSITORY_RECOVERED,
    ]


async def test_an_event_that_no_journal_can_take_holds_nothing_back() -> None:
    """A fault in recording one is logged; the next is recorded."""
    harbour = Harbour(config())

    def refuse(draft: Any) -> ShipslogError | None:
        if draft.type is EventType.REPOSITORY_FAILED:
            raise KeyError("poison")
        return None

    harbour.ledger.refuse = refuse
    async with running(harbour) as sources:
        sources.state(CONFIG, AWAY)
        sources.state(CONFIG, SEEN)
        await _until(lambda: len(harbour.ledger.drafts) == 1)

    assert harbour.ledger.drafts[0].type is EventType.REPOSITORY_RECOVERED


async def test_rewritten_history_is_durable_before_anybody_goes_on() -> None:
    """Who tells of it waits for the record, and hears where there can be none."""
    harbour = Harbour(config())
    rewrite = Rewrite("refs/heads/main", "a" * 40, "b" * 40)
    async with running(harbour) as sources:
        harbour.ledger.refuse = lambda _: SpoolFull("no room")
        with pytest.raises(SpoolFull):
            await sources.rewritten(CONFIG, rewrite)
        harbour.ledger.refuse = lambda _: None
        for _ in range(2):
            await sources.rewritten(CONFIG, rewrite)

    (recorded,) = harbour.ledger.of(EventType.REVISION_REWRITTEN)
    assert (recorded.detail["old"], recorded.detail["new"]) == (rewrite.old, rewrite.new)


async def test_a_look_says_which_commit_stood_where_its_status_is_of_this_spec() -> None:
    """After a restart, too; a commit of another repository is none that history could have been rewritten from."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.restart()
    await harbour.look()
    assert harbour.shelf.before is not None
    assert harbour.shelf.before.sha == harbour.status["revision"]["sha"]

    harbour.change(source={"repository": "config", "path": "elsewhere"})
    await harbour.look()
    assert harbour.shelf.before is None


@pytest.mark.parametrize("fault", [KeyError("ours"), None])
async def test_a_commit_reaches_everyone_where_nobody_can_tell_whom_it_concerns(
    monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    """Our own code breaks on it, or a server stalls; the commits of another Repository are handed out meanwhile."""
    monkeypatch.setattr(module, "SPREAD", 0.2)
    harbour = Harbour(config())
    other = Key("team-evil", "stalls")

    async def concerned(key: Key) -> list[Key]:
        if key == other:
            await asyncio.get_running_loop().create_future()
        if fault:
            raise fault
        return [SHOP]

    async with running(harbour) as sources:
        sources.concerned = concerned
        sources.moved(other)
        sources.moved(CONFIG)
        assert sources.is_moving(CONFIG)
        work = await asyncio.wait_for(harbour.rooms.queue.take(), 5)
        assert work is not None
        assert work.key == SHOP
        assert (sources.is_moving(CONFIG), sources.is_moving(other)) == (False, True)
        await _until(lambda: not sources.is_moving(other))


async def test_whoever_depends_on_another_does_not_pass_it_while_a_commit_is_compared() -> None:
    """Until it is known whom the commit concerns, all who read the Repository count as in hand; then those wait on."""
    harbour = Harbour(config())
    rooms, told = harbour.rooms, Key("team-pay", "waits")
    known: asyncio.Future[list[Key]] = asyncio.get_running_loop().create_future()

    async def concerned(_: Key) -> list[Key]:
        return await known

    async with running(harbour) as sources:
        wire(rooms, sources, Mute(), Mute())  # type: ignore[arg-type]
        sources.concerned = concerned
        sources.moved(CONFIG)
        assert rooms.queue.has(SHOP)
        rooms.waiting[SHOP] = {told}

        known.set_result([])
        work = await asyncio.wait_for(rooms.queue.take(), 5)

    assert not rooms.queue.has(SHOP)
    assert work is not None
    assert (work.key, work.trigger) == (told, Trigger.DEPENDENCY)


async def test_a_failure_that_polling_knows_nothing_of_is_taken_back_when_it_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The API was away while a Secret was read: the Repository is told of again, though nothing else is new."""
    harbour = Harbour(config())
    rooms, again, away = harbour.rooms, list[Key](), [True]
    monkeypatch.setattr(rooms.repositories, "tell_again", again.append, raising=False)

    async def read(_key: Key, _repository: Repository) -> None:
        if away[0]:
            raise Unreachable("the API server is away")

    async with running(harbour) as sources:
        monkeypatch.setattr(sources, "_read", read)
        await sources._ensure(CONFIG)
        assert again == []
        away[0] = False
        await sources._ensure(CONFIG)
        await sources._ensure(CONFIG)

    assert again == [CONFIG]
