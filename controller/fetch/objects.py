"""Objects of one mirror for the event loop: look-ups that are asked for together share one hop to its thread."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from controller.fetch.cache import Cache
from controller.fetch.catfile import CatFile, Object
from controller.fetch.errors import GitFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from controller.fetch.directory import Directory, Entry

_BATCH = 250
"""Calls that one hop serves."""
_TREES = 200_000
"""Names in parsed directories that are kept per mirror."""
_BLOBS = 16 << 20
"""Bytes of file contents that are kept per mirror."""
_SIZES = 100_000
_LISTED = 100_000
"""Entries of listings that are kept per mirror."""
_PATIENCE = 8
"""How often a batch is halved: down to one call."""


class _Request(NamedTuple):
    """One call's look-ups. `longest` is the largest content that is wanted; negative: only kind and size."""

    names: Sequence[str]
    longest: int
    future: asyncio.Future[list[Object | None]]


_Question: TypeAlias = "tuple[Sequence[str], int]"
_Answers: TypeAlias = "list[Object | None] | GitFailure"


class Objects:
    """Reads a mirror's objects. Caches hang here, because all commits of a mirror share most of their objects."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._name = directory.name
        self._cat_file = CatFile(directory, environment)
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: list[_Request] = []
        self._serving: asyncio.Future[list[_Answers]] | None = None
        self._closed = False
        self.absent = False
        """The mirror made room for others; whoever asks has it fetched again."""
        self.on_absent: Callable[[], None] = lambda: None
        self.used = 0.0
        """When something was last read, by the loop's clock."""
        self.on_corrupt: Callable[[], None] = lambda: None
        """Called when the mirror turns out to be corrupt."""
        self.on_missing: Callable[[str], None] = lambda _: None
        """Called with a commit that the mirror has not."""
        self.trees: Cache[Directory] = Cache(_TREES)
        self.blobs: Cache[bytes] = Cache(_BLOBS)
        self.sizes: Cache[int] = Cache(_SIZES)
        self.listings: Cache[tuple[Entry, ...]] = Cache(_LISTED)

    async def headers(self, names: Sequence[str]) -> list[Object | None]:
        """Kind and size of each object, None where it is missing.

        Raises:
            GitFailure: the mirror can't be read.
        """
        return await self._ask(names, -1)

    async def contents(self, names: Sequence[str], longest: int) -> list[Object | None]:
        """Each object, with its content where that has at most `longest` bytes; None where it is missing.

        Raises:
            GitFailure: the mirror can't be read.
        """
        return await self._ask(names, longest)

    async def rest(self) -> None:
        """End the process and the thread until the next look-up."""
        while self._serving is not None:
            await asyncio.wait({self._serving})
        if self._thread is None or self._waiting:
            return
        thread, self._thread = self._thread, None
        # Look-ups that come meanwhile wait: the process belongs to one thread at a time.
        self._serving = asyncio.get_running_loop().run_in_executor(thread, self._end)
        self._serving.add_done_callback(partial(self._deliver, []))
        thread.shutdown(wait=False)
        await asyncio.wait({self._serving})

    async def close(self) -> None:
        """End for good; look-ups that wait fail."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        _fail(waiting, GitFailure("stopped", "the mirror was closed"))
        await self.rest()

    def forget(self) -> None:
        """Forget what was read: the mirror is another one now."""
        self.trees.clear()
        self.blobs.clear()
        self.sizes.clear()
        self.listings.clear()

    async def _ask(self, names: Sequence[str], longest: int) -> list[Object | None]:
        if not names:
            return []
        if self._closed:
            raise GitFailure("stopped", "the mirror was closed")
        loop = asyncio.get_running_loop()
        self.used = loop.time()
        if self.absent:
            self.on_absent()
            raise GitFailure("absent", "it made room for others")
        if not self._waiting and self._serving is None:
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._serve)
        request = _Request(names, longest, loop.create_future())
        self._waiting.append(request)
        return await request.future

    def _serve(self) -> None:
        if self._serving is not None or not self._waiting:
            return
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"git objects {self._name}")
        questions = [(request.names, request.longest) for request in batch]
        self._serving = asyncio.get_running_loop().run_in_executor(self._thread, self._read, questions)
        self._serving.add_done_callback(partial(self._deliver, batch))

    def _deliver(self, batch: list[_Request], served: asyncio.Future[list[_Answers]]) -> None:
        self._serving = None
        if error := served.exception():
            _fail(batch, error)
        else:
            for request, answer in zip(batch, served.result(), strict=True):
                if isinstance(answer, GitFailure):
                    _fail([request], answer)
                    if answer.cause == "corrupt":
                        self.on_corrupt()
                elif not request.future.done():
                    request.future.set_result(answer)
        self._serve()

    def _end(self) -> list[_Answers]:
        self._cat_file.close()
        return []

    def _read(self, questions: list[_Question], patience: int = _PATIENCE) -> list[_Answers]:
        """On the thread. A batch that fails is halved: one bad object is nobody else's trouble."""
        try:
            return list(self._read_together(questions))
        except GitFailure as failure:
            if len(questions) == 1 or patience == 0:
                return [failure] * len(questions)
        middle = len(questions) // 2
        return [*self._read(questions[:middle], patience - 1), *self._read(questions[middle:], patience - 1)]

    def _read_together(self, questions: list[_Question]) -> list[list[Object | None]]:
        answers: list[list[Object | None]] = [[]] * len(questions)
        for limit in {longest for _, longest in questions}:
            places = [place for place, (_, longest) in enumerate(questions) if longest == limit]
            names = [name for place in places for name in questions[place][0]]
            found = iter(self._cat_file.headers(names) if limit < 0 else self._cat_file.contents(names, limit))
            for place in places:
                answers[place] = list(itertools.islice(found, len(questions[place][0])))
        return answers


def _fail(requests: Sequence[_Request], error: BaseException) -> None:
    for request in requests:
        if not request.future.done():
            request.future.set_exception(error)
