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
    """One benchmark's steps."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step under way; its seconds are said at the end."""
        begun = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{what} ..."):
                yield
        else:
            print(f"{what} ...", file=sys.stderr, flush=True)
            yield
        self._console.print(f"{what}: {time.monotonic() - begun:.1f} s")

    def say(self, what: str) -> None:
        """A result in a line."""
        self._console.print(f"  {what}")
