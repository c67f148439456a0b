"""Says on stderr what is under way: live on a terminal, a line per step when piped."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress:
    """One benchmark's steps, each with the seconds since the benchmark began."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._begun = time.monotonic()
        self._depth = 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step under way; its seconds are said at the end, also of one that fails. Steps may lie in one another."""
        begun = time.monotonic()
        self._depth += 1
        try:
            if self._console.is_terminal and self._depth == 1:
                with self._console.status(f"{what} ..."):
                    yield
            else:
                print(f"{self._elapsed()} {what} ...", file=sys.stderr, flush=True)
                yield
        finally:
            self._depth -= 1
            self._console.print(
                f"{self._elapsed()} {what}: {time.monotonic() - begun:.1f} s", markup=False, soft_wrap=True
            )

    def say(self, what: str) -> None:
        """A result in a line."""
        self._print(f"  {what}")

    def _print(self, what: str) -> None:
        self._console.print(f"{self._elapsed()} {what}", markup=False, soft_wrap=True)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._begun:7.1f} s"
