"""Worker processes of the render engine: one request at a time each, shared fairly by those who ask."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Self

from controller.render.errors import EngineError, RenderError
from controller.render.process import EngineEndedError, EngineProcess
from controller.render.turns import Turns

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from controller.render.lookup import Lookup
    from controller.render.protocol import Incoming, SentRequest

OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to create new OS thread")


class EnginePool:
    """Hands each request to a worker that is free, and replaces workers that end, hang or grow old.

    A request that makes its worker end or exceed the deadline fails alone, with a `RenderError` that names it.
    Use it as `async with`: on the way out every worker is killed and reaped. Workers start when they are needed.
    """

    def __init__(
        self,
        binary: Path,
        *,
        size: int | None = None,
        deadline: float = 30.0,
        memory: int = 768 << 20,
        max_requests: int = 1_000,
    ) -> None:
        """Prepare a pool.

        `size` is how many processes one tenant may have at work (default: cores); one more is for the others.
        `deadline` is in seconds per request, `memory` in bytes per worker; after `max_requests` one is replaced.
        """
        self._binary = binary
        self._deadline = deadline
        self._memory = memory
        self._max_requests = max_requests
        self._turns = Turns(size or os.cpu_count() or 1)
        self._idle: list[EngineProcess] = []
        self._workers: set[EngineProcess] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._version = ""
        self.confined: bool | None = None
        """Whether the platform takes network, files and programs away from workers; None before the first one."""
        self.started = 0
        """Workers started so far."""
        self.lost = 0
        """Workers that ended, or were killed, in the middle of a request."""

    async def __aenter__(self) -> Self:
        """Open the pool; no worker is started yet."""
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill and reap every worker; requests under way fail with an `EngineError`."""
        tasks, self._tasks = self._tasks, None
        assert tasks is not None  # noqa: S101 (entered)
        self._idle.clear()
        for worker in self._workers:
            worker.kill()
        for worker in list(self._workers):
            await self._end(worker)
        # Only tasks that end with their worker are left; the block's own exception passes by them unchanged.
        await tasks.__aexit__(None, None, None)

    async def version(self) -> str:
        """Return the engine's version, a hash of its sources.

        Raises:
            EngineError: The engine can't be started.
        """
        if not self._version:
            async with self._turns.turn(""):
                self._idle.append(await self._worker())
        return self._version

    async def render(self, request: SentRequest, lookup: Lookup, tenant: str = "") -> bytes:
        """Return the engine's answer to a request; `tenant`: on whose behalf, so that none holds back the others.

        Raises:
            RenderError: The request's input is wrong, too large, or made the worker end or hang.
            EngineError: No worker can be started, or the pool is closed.
            ShipslogError: The tree could not be read.
        """
        async with self._turns.turn(tenant):
            worker = await self._worker()
            fit = False
            try:
                message = await worker.exchange(request, lookup, self._deadline)
                fit = True
            except EngineEndedError as error:
                raise await self._blame(worker, request) from error
            except RenderError as error:
                if error.fault == "limit":  # it had no end in time
                    self._turns.suspect(tenant)
                raise
            finally:
                self._give_back(worker, fit=fit)
        if lookup.error is not None:
            raise lookup.error
        return _answer_of(message)

    async def _worker(self) -> EngineProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await self._end(worker)
        tasks = self._opened()
        worker = await EngineProcess.start(self._binary, self._memory)
        if self._tasks is not tasks:  # closed meanwhile: nobody else knows of this worker
            await asyncio.gather(worker.drain(), worker.end())
        self._opened()
        self.started += 1
        self._workers.add(worker)
        tasks.create_task(worker.drain(), name=f"render: stderr of worker {self.started}")
        try:
            await worker.wait_ready()
        except BaseException:
            self._discard(worker)
            raise
        self._version = worker.ready.version
        self.confined = worker.ready.confined
        return worker

    def _opened(self) -> asyncio.TaskGroup:
        if self._tasks is None:
            raise EngineError("the render engine is shut down")
        return self._tasks

    def _give_back(self, worker: EngineProcess, *, fit: bool) -> None:
        if not fit:
            self.lost += 1
        if fit and worker.alive and worker.requests < self._max_requests and self._tasks is not None:
            self._idle.append(worker)
        else:
            self._discard(worker)

    def _discard(self, worker: EngineProcess) -> None:
        """End a worker without making anyone wait for it; a closing pool ends it itself."""
        if self._tasks is not None and worker in self._workers:
            self._tasks.create_task(self._end(worker), name="render: end worker")

    async def _end(self, worker: EngineProcess) -> tuple[int, str]:
        self._workers.discard(worker)
        return await worker.end()

    async def _blame(self, worker: EngineProcess, request: SentRequest) -> RenderError | EngineError:
        """Say why a worker ended in the middle of a request."""
        if self._tasks is None:
            return EngineError("the render engine is shut down")
        await worker.wait_ended()
        status, stderr = await self._end(worker)
        root = request.root or "."
        if any(sign in stderr for sign in OUT_OF_MEMORY):
            return RenderError(
                f"rendering {root} took more than {self._memory >> 20} MiB of memory",
                fault="limit",
                file=request.root,
                remedy="render less in one Application, or look for a loop in a template",
            )
        said = next((line for line in stderr.splitlines() if line.strip()), "it said nothing")
        return RenderError(
            f"rendering {root} made the render engine end (exit status {status}): {said[:200]}", file=request.root
        )


def _answer_of(message: Incoming) -> bytes:
    if message.answer:
        return bytes(message.answer)
    failure = message.error
    if failure is None or failure.kind == "internal":
        raise EngineError(failure.message if failure else "the render engine answered nothing")
    raise RenderError(
        failure.message,
        remedy=failure.remedy,
        fault=failure.kind,
        file=failure.file,
        line=failure.line,
        object=failure.object,
    )
