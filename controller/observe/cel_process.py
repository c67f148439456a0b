"""The other end of the evaluating process: one question after another, each answered in time or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.observe.cel import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = 1 << 20
"""Bytes of an answer."""
_log = logs.get_logger(__name__)


class CelProcess:
    """One `controller.observe.cel`, started when it is first needed, and anew after it had to be killed."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its id; None while there is none."""
        return self._process.pid if self._process else None

    async def ask(self, question: bytes, deadline: float, *, still: Callable[[], bool]) -> Answer | None:
        """The answer; None when it did not come in `deadline` seconds, or the process died of the question.

        Also None where it is `still` to be asked no more when its turn comes.
        """
        async with self._turn:
            return await self._exchange(question, deadline) if still() else None

    async def _exchange(self, question: bytes, deadline: float) -> Answer | None:
        try:
            process = await self._running()
            assert process.stdin is not None  # noqa: S101 - pipes were asked for
            assert process.stdout is not None  # noqa: S101 - as above
            async with asyncio.timeout(deadline):
                process.stdin.write(question)
                await process.stdin.drain()
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=Answer)
        except (TimeoutError, OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning("A health check was ended", error=f"{type(error).__name__}: {error}")
            await self.close()
            return None
        except asyncio.CancelledError:
            await self.close()  # an answer that nobody took must not be taken for the next one's
            raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "controller.observe.cel",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
                limit=LINE,
            )
        return self._process

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
