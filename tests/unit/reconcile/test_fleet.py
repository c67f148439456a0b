"""Clusters as they come, go, hang and are told of."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.diff.ownership import ownership_digest
from controller.errors import NotReady, Terminal
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
        self.home = Waters()
        self.home.objects[ObjectId("", "Secret", "ops", "far")] = SECRET
        self.fleet = Fleet(self.home, self._open, ownership_digest, Metrics("test"))  # type: ignore[arg-type]
        self.states: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.fleet.on_state = lambda name, target, _: self.states.put_nowait((name, bool(target and target.up)))

    async def _open(self, *_: object) -> Any:
        return self.far

    def add(self, *, suspend: bool = False) -> None:
        """The Cluster is created."""
        reference = {"name": "far", "namespace": "ops"}
        spec = msgspec.convert({"kubeconfigSecretRef": reference, "suspend": suspend}, ClusterSpec)
        self.fleet.change("far", Cluster(name="far", uid="u", generation=1, spec=spec))

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


async def test_who_writes_to_a_cluster_looks_again_when_it_comes_or_goes() -> None:
    """Others have nothing to do with it."""
    harbour = Harbour(config())
    wire(harbour.rooms, _Nobody(), _Nobody())  # type: ignore[arg-type]

    harbour.rooms.fleet.on_state("elsewhere", None, "")
    assert len(harbour.rooms.queue) == 0
    harbour.rooms.fleet.on_state(IN_CLUSTER, None, "")

    work = await asyncio.wait_for(harbour.rooms.queue.take(), 5)
    assert work is not None
    assert work.key == SHOP


async def test_an_object_that_moved_is_looked_at_by_its_owner() -> None:
    """Found by the owner label's value; another installation's label is nobody's."""
    harbour = Harbour(config())
    wire(harbour.rooms, _Nobody(), _Nobody())  # type: ignore[arg-type]
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
