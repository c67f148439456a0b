"""Clusters as they come, go, hang and are told of."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.diff.ownership import ownership_digest
from controller.errors import NotReady, Terminal, Transient
from controller.metrics import Metrics
from controller.model.cluster import IN_CLUSTER, Cluster, ClusterSpec
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.reconcile import fleet as module
from controller.reconcile.fleet import Fleet
from controller.reconcile.wiring import wire
from tests.unit.reconcile.harbour import SHOP, Harbour, Waters, config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"kubeconfig": "YQ=="}}


class Far(Waters):
    """A cluster that answers only while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def version(self) -> str:
        """Nothing at all comes while it hangs."""
        await self.answers.wait()
        return "v1.36.3"

    async def close(self) -> None:
        """There is nothing to close."""


class Sea:
    """A fleet with a home, and one Cluster that can be added; `states` is what was told of clusters."""

    def __init__(self) -> None:
        self.far = Far()
        self.opened: list[str] = []
        self.openable = asyncio.Event()
        self.openable.set()
        self.home = Waters()
        self.home.objects[ObjectId("", "Secret", "ops", "far")] = SECRET
        self.fleet = Fleet(self.home, self._open, ownership_digest, Metrics("test"))  # type: ignore[arg-type]
        self.states: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.fleet.on_state = lambda name, target, _: self.states.put_nowait((name, bool(target and target.up)))

    async def _open(self, cluster: Cluster, _: bytes) -> Any:
        self.opened.append(cluster.name)
        await self.openable.wait()
        if cluster.name == "poisoned":
            raise KeyError("hunter2")
        return self.far

    def add(self, name: str = "far", *, suspend: bool = False) -> None:
        """The Cluster is created."""
        reference = {"name": "far", "namespace": "ops"}
        spec = msgspec.convert({"kubeconfigSecretRef": reference, "suspend": suspend}, ClusterSpec)
        self.fleet.change(name, Cluster(name=name, uid="u", generation=1, spec=spec))

    async def told(self, name: str, *, up: bool) -> None:
        """Wait until this is told."""
        async with asyncio.timeout(10):
            while await self.states.get() != (name, up):
                pass


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_TIMEOUT", 0.05)
    monkeypatch.setattr(module, "PROBE_INTERVAL", 0.05)


@asynccontextmanager
async def sailing() -> AsyncIterator[Sea]:
    """A fleet that is kept."""
    sea = Sea()
    running = asyncio.create_task(sea.fleet.run(), name="fleet")
    try:
        await sea.told(IN_CLUSTER, up=True)
        yield sea
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_cluster_that_hangs_is_told_to_be_away_and_to_be_back() -> None:
    """The question has a time limit; nobody is handed a cluster that does not answer."""
    async with sailing() as sea:
        sea.add()
        await sea.told("far", up=False)
        with pytest.raises(NotReady, match=r"cluster far does not answer: .*took longer"):
            sea.fleet.target("far")
        assert sea.fleet.target(IN_CLUSTER).up

        sea.far.answers.set()
        await sea.told("far", up=True)
        assert sea.fleet.target("far").version == "v1.36.3"

        sea.far.answers.clear()
        await sea.told("far", up=False)


async def test_a_cluster_that_nobody_created_is_an_error_of_the_application() -> None:
    """With the name, and what can be done."""
    async with sailing() as sea:
        with pytest.raises(Terminal, match=r"spec\.destination\.cluster: there is no Cluster named 'far'"):
            sea.fleet.target("far")


async def test_a_suspended_cluster_says_so() -> None:
    """It is watched, and nothing is written to it; a changed spec counts at once."""
    async with sailing() as sea:
        sea.far.answers.set()
        sea.add(suspend=True)
        await sea.told("far", up=True)
        assert sea.fleet.target("far").suspended

        sea.add(suspend=False)
        await sea.told("far", up=True)
        assert not sea.fleet.target("far").suspended


async def test_a_kubeconfig_that_breaks_our_own_code_closes_no_other_cluster() -> None:
    """It is told of that Cluster alone, without a word of what it holds; the others are not even opened anew."""
    async with sailing() as sea:
        sea.far.answers.set()
        sea.add()
        await sea.told("far", up=True)
        before = sea.fleet.target("far")

        sea.add("poisoned")
        await sea.told("poisoned", up=False)

        with pytest.raises(Terminal, match=r"cluster poisoned can't be opened: .*KeyError in controller/") as refused:
            sea.fleet.target("poisoned")
        assert "hunter2" not in str(refused.value)
        assert sea.fleet.target("far") is before


async def test_a_fault_in_asking_a_cluster_is_told_like_its_silence() -> None:
    """Nobody waits for ever for a cluster that nothing is said about."""
    async with sailing() as sea:

        async def version() -> str:
            raise UnicodeError("label too long")

        sea.far.version = version  # type: ignore[method-assign]
        sea.add()
        await sea.told("far", up=False)
        with pytest.raises(NotReady, match="failed on cluster far: UnicodeError"):
            sea.fleet.target("far")


async def test_a_cluster_that_is_opened_anew_is_in_use_until_then() -> None:
    """A rotated kubeconfig is no moment without a cluster, however long it takes to open it."""
    async with sailing() as sea:
        sea.far.answers.set()
        sea.add()
        await sea.told("far", up=True)
        before = sea.fleet.target("far")
        sea.openable.clear()

        sea.add(suspend=True)
        await asyncio.sleep(0.01)
        assert sea.fleet.target("far") is before
        assert before.suspended, "that it must not be written to counts at once"

        sea.openable.set()
        await sea.told("far", up=True)
        assert sea.fleet.target("far") is not before


async def test_a_kubeconfig_that_cant_be_read_for_now_leaves_the_cluster_open() -> None:
    """An API server that fails once says nothing against the login that is in use; a Secret that is gone does."""
    async with sailing() as sea:
        sea.far.answers.set()
        sea.add()
        await sea.told("far", up=True)
        before = sea.fleet.target("far")
        get, failed = sea.home.get, asyncio.Event()

        async def failing(*_: object) -> Any:
            failed.set()
            raise Transient("500")

        sea.home.get = failing  # type: ignore[method-assign,assignment]
        sea.add()
        await asyncio.wait_for(failed.wait(), 5)
        await sea.fleet.settled()
        assert sea.fleet.target("far") is before

        sea.home.objects.clear()
        sea.home.get = get  # type: ignore[method-assign]
        await sea.told("far", up=False)
        with pytest.raises(Terminal, match="does not exist"):
            sea.fleet.target("far")


async def test_a_cluster_that_is_not_open_yet_is_waited_for() -> None:
    """Nobody says of a Cluster that somebody created that there is none."""
    async with sailing() as sea:
        sea.openable.clear()
        sea.add("other")
        sea.add()

        with pytest.raises(NotReady, match="cluster far is being opened"):
            sea.fleet.target("far")


async def test_a_cluster_is_opened_once_however_early_it_is_told_of() -> None:
    """Before anybody opens clusters, too; one that changed again meanwhile is opened as it is by then."""
    sea = Sea()
    sea.add(suspend=True)
    sea.add()
    running = asyncio.create_task(sea.fleet.run(), name="fleet")
    try:
        await sea.fleet.settled()
        assert sea.opened == ["far"]
        assert not sea.fleet.targets()["far"].suspended
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_who_writes_to_a_cluster_looks_again_when_it_comes_or_goes() -> None:
    """Others have nothing to do with it."""
    harbour = Harbour(config())
    wire(harbour.rooms, _Nobody(), _Nobody(), _Nobody())  # type: ignore[arg-type]

    harbour.rooms.fleet.on_state("elsewhere", None, None)
    assert len(harbour.rooms.queue) == 0
    harbour.rooms.fleet.on_state(IN_CLUSTER, None, None)

    work = await asyncio.wait_for(harbour.rooms.queue.take(), 5)
    assert work is not None
    assert work.key == SHOP


async def test_an_object_that_moved_is_looked_at_by_its_owner() -> None:
    """Found by the owner label's value; another installation's label is nobody's."""
    harbour = Harbour(config())
    wire(harbour.rooms, _Nobody(), _Nobody(), _Nobody())  # type: ignore[arg-type]
    (owner,) = harbour.registry.owners

    harbour.rooms.fleet.on_move("somebody-else", Trigger.DRIFT)
    assert len(harbour.rooms.queue) == 0
    harbour.rooms.fleet.on_move(owner, Trigger.DRIFT)

    work = await asyncio.wait_for(harbour.rooms.queue.take(), 5)
    assert work is not None
    assert (work.key, work.trigger) == (SHOP, Trigger.DRIFT)


class _Nobody:
    """Listens to all, and does nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


async def test_why_a_cluster_cant_be_opened_is_said_once_however_often_it_is_tried() -> None:
    """Saying it has all its Applications looked at, and a status written: the next try is no news."""
    async with sailing() as sea:
        secret = sea.home.objects.pop(ObjectId("", "Secret", "ops", "far"))
        tries: asyncio.Queue[ObjectId] = asyncio.Queue()
        get = sea.home.get

        async def counted(id_: ObjectId, _: str) -> Any:
            tries.put_nowait(id_)
            return await get(id_, _)

        sea.home.get = counted  # type: ignore[method-assign]
        sea.add()
        await sea.told("far", up=False)
        async with asyncio.timeout(10):
            for _ in range(4):
                await tries.get()
        assert sea.states.empty()

        sea.far.answers.set()
        sea.home.objects[ObjectId("", "Secret", "ops", "far")] = secret
        await sea.told("far", up=True)


async def test_why_a_cluster_is_not_seen_is_said_once_that_is_known() -> None:
    """Not while it is about to be asked for the first time: a start would call everybody's health unknown."""
    async with sailing() as sea:
        assert sea.fleet.unseen("far") == "there is no Cluster of that name"
        assert sea.fleet.unseen(IN_CLUSTER) == ""

        sea.openable.clear()
        sea.add()
        assert sea.fleet.unseen("far") == ""
        sea.openable.set()
        await sea.told("far", up=False)
        assert sea.fleet.unseen("far").startswith("it does not answer: ")

        sea.far.answers.set()
        await sea.told("far", up=True)
        assert sea.fleet.unseen("far") == ""

        sea.home.objects.clear()
        sea.add()
        await sea.told("far", up=False)
        assert sea.fleet.unseen("far").startswith("it can't be opened: spec.kubeconfigSecretRef: Secret ops/far")

        sea.fleet.change("far", None)
        await sea.told("far", up=False)
        assert sea.fleet.unseen("far") == "there is no Cluster of that name"
