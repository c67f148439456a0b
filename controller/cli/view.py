"""A live line for what is waited for: it moves on a terminal, and grows by one line per change in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from controller.cli.listing import lines
from controller.cli.table import clean, console, for_people, style

if TYPE_CHECKING:
    from types import TracebackType

    from controller.cli.progress import Progress


class View:
    """Use it as `with`; `show` what is new."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said = ("", "")
        self._live = Live(console=console(), transient=True) if for_people() else None

    def __enter__(self) -> Self:
        """Take the line."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the line back."""
        if self._live:
            self._live.stop()

    def show(self, seen: Progress, seconds: float) -> None:
        """Show where it stands after so many seconds; an outcome stays on the screen."""
        if self._live and seen.outcome is None:
            self._live.update(Spinner("dots", self._line(seen, seconds)))
            return
        if (seen.phase, seen.message) == self._said:
            return
        self._said = (seen.phase, seen.message)
        line = self._line(seen, seconds)
        if self._live:
            self._live.update(Text(""))
            self._live.console.print(line)
        else:
            print(line.plain, flush=True)

    def _line(self, seen: Progress, seconds: float) -> Text:
        line = Text(f"{self._name} {seconds:6.1f} s  ")
        line.append(f"{seen.phase:<10}", style=style(seen.phase))
        line.append(" " + "\n".join(lines(clean(seen.message))) if seen.message else "")
        return line
