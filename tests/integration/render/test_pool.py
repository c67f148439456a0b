"""The pool keeps a bad request from doing harm to anything but itself."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.render import EngineError, EnginePool, Renderer, RenderError, RenderRequest, locate_engine
from controller.render.process import EngineProcess
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable

CHART = {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
GOOD = MemoryTree({"a.yaml": CONFIG})
ROOT = RenderRequest(root="")
ENDLESS = MemoryTree({**CHART, "templates/a.yaml": "{{ range until 10000 }}" * 3 + "{{ end }}" * 3})
HUNGRY = MemoryTree({**CHART, "templates/a.yaml": '{{ repeat 1000000000 "x" }}'})


def engines() -> list[int]:
    """Return the engines that this process started and that still run, zombies included."""
    me = os.getpid()
    children = [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]
    return [pid for pid in children if "shipslog-render" in Path(f"/proc/{pid}/comm").read_text()]


class ActingTree(MemoryTree):
    """Does something when a request reads a file; the engine has the file right after."""

    def __init__(self, tree: MemoryTree, path: str, action: Callable[[], None]) -> None:
        super().__init__(tree.files)
        self._path = path
        self._action = action

    async def blob(self, path: str) -> bytes | None:
        if path == self._path:
            self._action()
        return await super().blob(path)


async def test_a_request_beyond_the_deadline_is_ended_and_named(engine: Path) -> None:
    """The worker is killed, and the error says which directory took too long."""
    async with EnginePool(engine, size=1, deadline=0.5) as pool:
        with pytest.raises(RenderError, match=r"rendering \. took longer than 0\.5 s") as caught:
            await Renderer(pool).render(ENDLESS, ROOT)
        assert caught.value.fault == "limit"
        assert (await Renderer(pool).render(GOOD, ROOT)).objects


@pytest.mark.parametrize("bad", [ENDLESS, HUNGRY], ids=["deadline", "memory"])
async def test_a_bad_request_leaves_a_concurrent_one_unaffected(bad: MemoryTree, engine: Path) -> None:
    """Others are rendered while a worker hangs or ends, with the same result as ever."""
    async with EnginePool(engine, size=2, deadline=2, memory=384 << 20) as pool:
        renderer = Renderer(pool, cache_bytes=0)
        first = await renderer.render(GOOD, ROOT)
        async with asyncio.TaskGroup() as tasks:
            refused = tasks.create_task(_refused(renderer, bad), name="bad request")
            others = [await renderer.render(GOOD, ROOT) for _ in range(50)]
        assert (await refused).fault == "limit"
        assert {other.digest for other in others} == {first.digest}
        assert pool.lost == 1


async def test_endless_charts_of_one_namespace_hold_nobody_else_back(engine: Path) -> None:
    """More of them than there are workers: others are rendered at once, then and when they come again."""
    async with EnginePool(engine, size=2, deadline=3) as pool:
        renderer = Renderer(pool)
        bad = [ENDLESS.with_files({"README": str(number)}) for number in range(6)]
        async with asyncio.TaskGroup() as tasks:
            evil = dataclasses.replace(ROOT, tenant="team-evil")
            refused = [tasks.create_task(_refused(renderer, one, evil), name="endless chart") for one in bad]
            for number in range(20):
                good = GOOD.with_files({"README": str(number)})
                assert (await renderer.render(good, dataclasses.replace(ROOT, tenant="team-pay"))).objects
            assert not any(task.done() for task in refused)
        assert {(await task).fault for task in refused} == {"limit"}


async def _refused(renderer: Renderer, tree: MemoryTree, request: RenderRequest = ROOT) -> RenderError:
    with pytest.raises(RenderError) as caught:
        await renderer.render(tree, request)
    return caught.value


async def test_a_worker_killed_in_the_middle_of_a_request_is_replaced(engine: Path) -> None:
    """That request fails with an error that names it; the next one has a new worker."""
    async with EnginePool(engine, size=1) as pool:
        renderer = Renderer(pool)
        await renderer.render(GOOD, ROOT)
        (worker,) = engines()
        tree = ActingTree(ENDLESS, "templates/a.yaml", lambda: os.kill(worker, signal.SIGKILL))

        with pytest.raises(RenderError, match=r"rendering \. made the render engine end \(exit status -9\)"):
            await renderer.render(tree, ROOT)

        assert (await renderer.render(GOOD.with_files({"b": ""}), ROOT)).objects
        assert pool.started == 2


async def test_a_worker_that_died_while_idle_is_replaced_silently(engine: Path) -> None:
    """No request is blamed for it."""
    async with EnginePool(engine, size=1) as pool:
        renderer = Renderer(pool, cache_bytes=0)
        await renderer.render(GOOD, ROOT)
        (worker,) = engines()
        os.kill(worker, signal.SIGKILL)
        async with asyncio.timeout(5):
            await pool._idle[0]._process.wait()

        assert (await renderer.render(GOOD, ROOT)).objects
        assert pool.lost == 0


async def test_workers_are_replaced_after_so_many_requests(engine: Path) -> None:
    """Whatever a library keeps from request to request, it does not keep for long."""
    async with EnginePool(engine, size=1, max_requests=2) as pool:
        renderer = Renderer(pool, cache_bytes=0)
        for _ in range(5):
            await renderer.render(GOOD, ROOT)
        assert pool.started == 3
        assert pool.lost == 0


async def test_no_worker_outlives_the_pool(engine: Path) -> None:
    """Idle and hanging ones are killed and reaped, and a request under way fails as nobody's fault."""
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        async with EnginePool(engine, size=2) as pool:
            renderer = Renderer(pool)
            await renderer.render(GOOD, ROOT)
            hanging = ActingTree(ENDLESS, "templates/a.yaml", begun.set)
            refused = tasks.create_task(_shut_down(renderer, hanging), name="hanging request")
            await begun.wait()
            assert engines()
        assert not engines()
        assert "shut down" in str(await refused)


async def _shut_down(renderer: Renderer, tree: MemoryTree) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await renderer.render(tree, ROOT)
    return caught.value


async def test_an_exception_in_the_block_passes_the_pool_unchanged(engine: Path) -> None:
    """The pool's own bookkeeping does not wrap it in a group."""

    async def block() -> None:
        async with EnginePool(engine, size=1) as pool:
            await Renderer(pool).render(GOOD, ROOT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()


async def test_a_cancelled_request_frees_its_place(engine: Path) -> None:
    """The worker that was in the middle of it is ended, not handed on."""
    async with EnginePool(engine, size=1) as pool:
        renderer = Renderer(pool)
        await renderer.render(GOOD, ROOT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await renderer.render(ENDLESS, ROOT)
        assert (await renderer.render(GOOD.with_files({"b.yaml": CONFIG.replace("a}", "b}")}), ROOT)).objects


async def test_an_engine_ends_with_its_stdin_even_in_the_middle_of_a_request(engine: Path) -> None:
    """A controller that is killed leaves no engine behind, not even one that hangs in a template."""
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        engine, stdin=reading, stdout=asyncio.subprocess.PIPE, env={}, cwd="/"
    )
    os.close(reading)
    assert process.stdout is not None
    size = int.from_bytes(await process.stdout.readexactly(4), "big")
    await process.stdout.readexactly(size)
    os.close(writing)
    async with asyncio.timeout(5):
        await process.stdout.read()
        assert await process.wait() == 0


async def test_a_worker_has_nothing_it_does_not_need(engine: Path) -> None:
    """No environment, no place, no new privileges, no system calls to reach out, bounded memory, no files."""
    worker = await EngineProcess.start(engine, 384 << 20)
    drain = asyncio.create_task(worker.drain(), name="drain")
    try:
        await worker.wait_ready()
        proc = Path(f"/proc/{worker._process.pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
        limits = (proc / "limits").read_text().splitlines()

        assert worker.ready.confined
        assert status["Seccomp"].strip() == "2"
        assert status["NoNewPrivs"].strip() == "1"
        assert b"PATH=" not in (proc / "environ").read_bytes()
        assert (proc / "environ").read_bytes() == b""
        assert (proc / "cwd").readlink() == Path("/")
        bounds = {line[:25].strip(): line[26:47].strip() for line in limits[1:]}
        assert bounds["Max file size"] == "0"
        assert bounds["Max core file size"] == "0"
        assert int(bounds["Max data size"]) < 600 << 20
        assert int(bounds["Max address space"]) < 3 << 30
        assert sorted(fd.name for fd in (proc / "fd").iterdir() if "pipe" in str(fd.readlink())) == ["0", "1", "2"]
    finally:
        await worker.end()
        await drain


def test_a_missing_engine_is_said_with_the_way_to_build_it(tmp_path: Path) -> None:
    """Neither a traceback nor a silent fallback."""
    with pytest.raises(EngineError, match="make setup"):
        locate_engine(str(tmp_path / "nothing"))


async def test_an_engine_that_is_no_program_is_nobodys_input(tmp_path: Path) -> None:
    """A broken installation is transient: no Application is told that its files are wrong."""
    broken = tmp_path / "engine"
    broken.write_text("#!/bin/false\n")
    broken.chmod(0o755)
    async with EnginePool(broken, size=1) as pool:
        with pytest.raises(EngineError):
            await Renderer(pool).render(GOOD, ROOT)


async def test_a_pool_closed_while_a_worker_starts_leaves_no_worker(engine: Path) -> None:
    """A worker that nobody knows yet is ended as well."""
    async with asyncio.TaskGroup() as tasks:
        async with EnginePool(engine, size=1) as pool:
            refused = tasks.create_task(_shut_down(Renderer(pool), GOOD), name="early request")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert isinstance(await refused, EngineError)
    assert not engines()
