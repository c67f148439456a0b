"""Objects that another Application may want: what is not known yet is not deleted."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller import faults
from controller.errors import Terminal, Transient
from controller.model.event import EventType
from controller.model.objects import Key, ObjectId
from controller.model.run import Trigger
from controller.reconcile import handover as module
from controller.reconcile.loop import advance
from controller.reconcile.queue import Work
from controller.reconcile.workers import Workers
from controller.render.request import RenderedObject
from tests.unit.reconcile.harbour import SHOP, Harbour, config, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.reconcile.queue import Fate
    from controller.render.request import Rendered

BUG = KeyError("hunter2")
HEIR = Key("team-pay", "heir")
STRANGER = Key("team-two", "stranger")


class Estate:
    """`shop` has objects `one` and `two`, its newest commit only `one`; another Application may want `two`."""

    def __init__(self, other: Key = HEIR, url: str = "https://git.example.com/config") -> None:
        self.harbour = Harbour(config("one"), config("two"))
        self.other = other
        self.meets: Callable[[], Exception | None] = lambda: None
        """What the rendering of the other one meets."""
        self.wants: tuple[str, ...] = ()
        self.asked = 0
        self._url = url

    async def begin(self) -> None:
        """Both stand, the commit is there, and a restart has forgotten what anybody wanted."""
        await self.harbour.look()
        body = copy.deepcopy(self.harbour.waters.objects[_id(SHOP)])
        body["metadata"] |= {"name": self.other.name, "namespace": self.other.namespace, "uid": "other"}
        body["status"] = {}
        self.harbour.waters.objects[_id(self.other)] = body
        registry = self.harbour.registry
        registry.know(copy.deepcopy(body))
        if self.other.namespace != SHOP.namespace:
            metadata = {"name": "config", "namespace": self.other.namespace, "uid": "r2", "generation": 1}
            registry._take("Repository", {"metadata": metadata, "spec": {"url": self._url}})
        object.__setattr__(self.harbour.rooms, "renderer", self)
        self.harbour.shelf.objects = [config("one")]
        self.harbour.restart()

    async def render(self, tree: Any, request: Any) -> Rendered:
        """The one renders what Git says, the other what it wants, or fails."""
        rendered = await self.harbour.shelf.render(tree, request)
        if request.name != self.other.name:
            return rendered
        self.asked += 1
        if error := self.meets():
            raise error
        await asyncio.sleep(0)
        objects = tuple(RenderedObject(config(name), "a.yaml") for name in self.wants)
        return msgspec.structs.replace(rendered, objects=objects, digest=f"of {self.wants}")

    async def look(self) -> Fate:
        """One look at `shop`."""
        return await self.harbour.look(Trigger.REVISION)

    def stands(self) -> bool:
        """Whether the object stands."""
        return self.harbour.stands("ConfigMap", "two") is not None


def _held(estate: Estate) -> bool:
    return estate.harbour.held


def _id(key: Key) -> ObjectId:
    return ObjectId("shipslog.dev", "Application", key.namespace, key.name)


@pytest.mark.parametrize("other", [HEIR, STRANGER])
async def test_an_heir_that_fails_once_loses_nothing(other: Key) -> None:
    """While it can't say what it wants, nothing is deleted, and everything else goes on; then it has it."""
    estate = Estate(other, "https://git.example.com/elsewhere")
    await estate.begin()
    estate.harbour.shelf.objects = [config("one", x="2")]
    estate.meets = lambda: Transient("500 of the API server")

    assert within(await estate.look(), Trigger.RETRY, 1, 60)

    assert estate.stands()
    assert estate.harbour.stands("ConfigMap", "one")["data"] == {"x": "2"}  # type: ignore[index]
    synced = estate.harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "PruneInDoubt")
    assert f"ConfigMap shop/two: not deleted yet: Application {other} may want it" in synced["message"]
    assert "500 of the API server" in synced["message"]
    assert {"two", "one"} == {entry["name"] for entry in estate.harbour.status["inventory"]}

    estate.meets, estate.wants = lambda: None, ("two",)
    await estate.look()

    assert estate.stands()
    assert estate.harbour.condition("Synced")["reason"] == "Synced"
    assert [entry["name"] for entry in estate.harbour.status["inventory"]] == ["one"]


async def test_what_nobody_wants_goes_as_soon_as_that_is_known() -> None:
    """The doubt ends with the answer."""
    estate = Estate()
    await estate.begin()
    estate.meets = lambda: Transient("500")
    await estate.look()
    assert estate.stands()

    estate.meets = lambda: None
    await estate.look()

    assert not estate.stands()
    assert estate.harbour.condition("Synced")["reason"] == "Synced"


async def test_who_claims_an_object_of_another_one_is_named_for_as_long_as_it_does() -> None:
    """What it has applied before, and what is kept of that, does not hide what its newest commit asks for."""
    estate = Estate()
    await estate.begin()
    harbour = estate.harbour
    estate.wants = ("three",)
    await advance(Work(HEIR, frozenset({Trigger.SPEC})), harbour.rooms)
    assert harbour.stands("ConfigMap", "three") is not None
    estate.wants, harbour.shelf.commits = ("three", "one"), 2

    for _ in range(2):
        await advance(Work(HEIR, frozenset({Trigger.REVISION})), harbour.rooms)
        await estate.look()

        synced = harbour.condition("Synced")
        assert (synced["status"], synced["reason"]) == ("True", "Shared")
        assert f"ConfigMap shop/one is declared by Application {HEIR}, too" in synced["message"]
    causes = [event.detail["cause"] for event in harbour.ledger.of(EventType.SYNC_REFUSED)]
    assert sorted(causes) == ["Owned", "Shared"]


async def test_what_a_suspended_application_has_is_claimed_after_a_restart() -> None:
    """Nobody asks for its newest wish while it is suspended: until somebody does, what it applied is known."""
    harbour = Harbour(config("one"))
    await harbour.look()
    harbour.change(suspend=True)
    harbour.restart()
    harbour.rooms.claims.put(SHOP, None)

    await harbour.look()

    claim = harbour.rooms.claims.of(SHOP)
    assert claim is not None
    assert [str(wanted) for wanted in claim.objects] == ["ConfigMap shop/one"]


async def test_an_heir_that_takes_long_is_waited_for_without_holding_up_each_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not asked again in the next look, which takes what it knows."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    estate = Estate()
    await estate.begin()
    hang = asyncio.Event()

    async def render(tree: Any, request: Any) -> Rendered:
        if request.name == HEIR.name:
            estate.asked += 1
            await hang.wait()
        return await estate.harbour.shelf.render(tree, request)

    estate.render = render  # type: ignore[method-assign]
    await estate.look()
    await estate.look()

    assert estate.stands()
    assert "not worked out within" in estate.harbour.condition("Synced")["message"]
    assert estate.asked == 1


async def test_doubt_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody keeps others from deleting for ever by being broken."""
    estate = Estate()
    await estate.begin()
    estate.meets = lambda: Transient("500")
    await estate.look()
    assert estate.stands()

    monkeypatch.setattr(module, "LONGEST_DOUBT", 0.0)
    await estate.look()

    assert not estate.stands()


@pytest.mark.parametrize(
    ("other", "url", "held"),
    [
        (HEIR, "", True),
        (STRANGER, "https://git.example.com/config", True),
        (STRANGER, "https://git.example.com/elsewhere", False),
    ],
    ids=["same namespace", "same repository", "neither"],
)
@pytest.mark.parametrize("error", [Terminal("a.yaml: no YAML"), BUG], ids=["a mistake in Git", "a mistake of ours"])
async def test_a_broken_application_keeps_only_its_neighbours_from_deleting(
    error: Exception, other: Key, url: str, *, held: bool
) -> None:
    """A commit may move an object and be wrong; who has nothing to do with it is not held up by it."""
    estate = Estate(other, url)
    await estate.begin()
    estate.meets = lambda: error

    await estate.look()

    assert estate.stands() is held
    condition = estate.harbour.condition("Synced")
    assert condition["reason"] == ("PruneInDoubt" if held else "Synced")
    assert "hunter2" not in condition["message"]


async def test_a_broken_application_is_not_worked_out_for_others_again_and_again() -> None:
    """Nor where its own look has found out."""
    estate = Estate()
    await estate.begin()
    estate.meets = lambda: Terminal("no YAML")
    await estate.look()
    await estate.look()
    assert estate.asked == 1

    estate.harbour.rooms.claims.unknown.clear()
    await Workers(estate.harbour.rooms)._look(Work(HEIR, frozenset({Trigger.REVISION})))
    assert estate.asked == 2
    await estate.look()
    assert estate.asked == 2


async def test_an_application_is_deleted_beside_a_broken_one() -> None:
    """Its fault is its own: no finalizer of another is held; one that fails in passing is waited for."""
    estate = Estate()
    await estate.begin()
    estate.meets = lambda: Transient("500")
    estate.harbour.delete()
    await Workers(estate.harbour.rooms)._look(Work(SHOP, frozenset({Trigger.SPEC})))
    assert _held(estate)
    assert "heir may want it" in estate.harbour.condition("Ready")["message"]
    assert estate.stands()

    estate.meets = lambda: BUG
    await Workers(estate.harbour.rooms)._look(Work(SHOP, frozenset({Trigger.SPEC})))
    assert not _held(estate)
    assert not estate.stands()


async def test_a_fault_point_of_an_application_breaks_it_whoever_works_on_it() -> None:
    """Also where another one asks what it wants; whoever asks goes on."""
    estate = Estate()
    await estate.begin()
    faults.arm(f"after-render@{HEIR.name}")
    try:
        await estate.look()
    finally:
        faults.arm("")

    assert estate.stands()
    assert (
        "the controller itself failed on Application team-pay/heir: Broken"
        in estate.harbour.condition("Synced")["message"]
    )


async def test_a_commit_that_empties_an_application_is_refused_whatever_others_may_want() -> None:
    """The refusal needs nobody's wish, and is not hidden behind a doubt."""
    estate = Estate()
    await estate.begin()
    estate.harbour.shelf.objects = []
    estate.meets = lambda: Transient("500 of the API server")

    await estate.look()

    synced = estate.harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "WouldEmpty")
    assert estate.stands()


async def test_what_keeps_an_heir_from_being_applied_does_not_hide_what_it_wants() -> None:
    """Its files are good; that it waits for itself is another mistake. Nothing that it asks for is deleted."""
    estate = Estate()
    await estate.begin()
    estate.wants = ("two",)
    body = estate.harbour.waters.objects[_id(HEIR)]
    body["spec"]["dependsOn"] = [{"name": HEIR.name}]
    body["metadata"] |= {"generation": 9, "resourceVersion": "999999"}
    estate.harbour.registry.know(copy.deepcopy(body))
    await advance(Work(HEIR, frozenset({Trigger.SPEC})), estate.harbour.rooms)
    assert estate.harbour.waters.objects[_id(HEIR)]["status"]["conditions"], "its own look has told the mistake"

    estate.harbour.delete()
    await Workers(estate.harbour.rooms)._look(Work(SHOP, frozenset({Trigger.SPEC})))

    assert not _held(estate)
    assert estate.stands()


async def test_nothing_is_kept_for_an_application_that_is_gone() -> None:
    """Its claim goes with it, also where somebody took its finalizer off, or it went while its wish was worked out."""
    estate = Estate()
    await estate.begin()
    rooms, registry = estate.harbour.rooms, estate.harbour.registry
    estate.wants = ("two",)
    await advance(Work(HEIR, frozenset({Trigger.SPEC})), rooms)
    assert rooms.claims.of(HEIR) is not None

    registry._drop("Application", HEIR)
    await advance(Work(HEIR, frozenset({Trigger.SPEC})), rooms)
    assert rooms.claims.of(HEIR) is None

    registry.know(copy.deepcopy(estate.harbour.waters.objects[_id(HEIR)]))
    estate.meets = lambda: registry._drop("Application", HEIR)
    await estate.look()
    assert estate.asked == 2
    assert rooms.claims.of(HEIR) is None
