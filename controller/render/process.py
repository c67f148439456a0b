"""One worker process of the render engine."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import msgspec

from controller.render.errors import EngineError, RenderError
from controller.render.protocol import Incoming, Outgoing, Ready, SentRequest, encode, receive

if TYPE_CHECKING:
    from pathlib import Path

    from controller.render.lookup import Lookup

START_DEADLINE = 30.0  # seconds until a fresh engine is ready, also on a busy machine
END_DEADLINE = 5.0  # seconds for an engine that crashed to say why
STDERR_BYTES = 64 << 10  # what is kept of the beginning of stderr: Go says there why it ends


class EngineProcess:
    """An engine that takes one request at a time.

    It starts with an empty environment and `/` as its directory, and ends with its stdin. Whoever starts one ends
    it: `end()` kills and reaps.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stderr = b""
        self._killed = False
        self._drained = asyncio.Event()
        self._reading = asyncio.Lock()
        self.requests = 0
        self.ready = Ready(version="", confined=False)

    @classmethod
    async def start(cls, binary: Path, memory: int) -> Self:
        """Start an engine bound to `memory` bytes beyond what the bare program takes; it is not ready yet.

        Raises:
            EngineError: There is no such program, or it can't be run.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                binary,
                f"-memory={memory}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={},
                cwd="/",
                limit=1 << 20,
            )
        except OSError as error:
            there = not isinstance(error, FileNotFoundError | PermissionError)
            raise EngineError(
                f"the render engine {binary} can't be started: {error.strerror}",
                remedy="give the controller more room" if there else "build it with `make setup`",
            ) from error
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._process.returncode is None

    async def wait_ready(self) -> None:
        """Wait until the engine has read its schemas and confined itself.

        Raises:
            EngineError: It ended or did not get ready in time.
        """
        try:
            async with asyncio.timeout(START_DEADLINE):
                message = await receive(self._stdout)
        except TimeoutError as error:
            raise EngineError(f"the render engine was not ready after {START_DEADLINE:g} s") from error
        except (asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            raise EngineError("the render engine ended before it was ready") from error
        if message.ready is None:
            raise EngineError("the render engine spoke out of turn")
        self.ready = message.ready

    async def exchange(self, request: SentRequest, lookup: Lookup, deadline: float) -> Incoming:
        """Return the engine's last word on a request. After any exception the engine is of no more use.

        `deadline` bounds the engine's own time in seconds; the time that look-ups take is not its fault.

        Raises:
            RenderError: It took too long.
            EngineEndedError: The engine ended.
            EngineError: It broke the protocol.
        """
        self.requests += 1
        loop = asyncio.get_running_loop()
        left = deadline
        outgoing = Outgoing(render=request)
        while True:
            begun = loop.time()
            try:
                async with asyncio.timeout(left):
                    message = await self._converse(outgoing)
            except TimeoutError as error:
                raise RenderError(
                    f"rendering {request.root or '.'} took longer than {deadline:g} s",
                    fault="limit",
                    file=request.root,
                    remedy="render less in one Application, or look for a loop in a template",
                ) from error
            left -= loop.time() - begun
            if message.ask is None:
                return message
            outgoing = Outgoing(found=await lookup.answer(message.ask))

    async def _converse(self, outgoing: Outgoing) -> Incoming:
        try:
            stdin = self._process.stdin
            assert stdin is not None  # noqa: S101 (it is a pipe)
            stdin.write(encode(outgoing))
            await stdin.drain()
            async with self._reading:
                return await receive(self._stdout)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EngineEndedError from error
        except msgspec.DecodeError as error:
            raise EngineError(f"a message of the render engine can't be read: {error}") from error

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        return self._process.stdout

    async def drain(self) -> None:
        """Read stderr until the engine ends, so that it never blocks on it; the beginning is kept."""
        assert self._process.stderr is not None  # noqa: S101 (it is a pipe)
        while data := await self._process.stderr.read(1 << 16):
            self._stderr += data[: STDERR_BYTES - len(self._stderr)]
        self._drained.set()

    async def wait_ended(self) -> None:
        """Give an engine whose pipe broke the time to end by itself, so that its exit status is its own."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_DEADLINE):
                await self._process.wait()

    def kill(self) -> None:
        """Kill it; `end()` must follow."""
        # Only once: a second signal makes the library look for the exit status itself, and lose it.
        if self.alive and not self._killed:
            self._killed = True
            self._process.kill()

    async def end(self) -> tuple[int, str]:
        """Kill it, reap it, and return its exit status (negative: the signal) and the beginning of its stderr."""
        self.kill()
        async with self._reading:  # whoever waits for an answer learns first that there will be none
            while await self._stdout.read(1 << 16):
                pass
        status = await self._process.wait()
        await self._drained.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return status, self._stderr.decode(errors="replace")


class EngineEndedError(Exception):
    """The engine ended in the middle of a request."""
