"""Tells the story: headings, commands and measured times, with a spinner on a terminal and plain in a pipe."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tests.demo.promises import Measured, Missed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

INDENT = 4
PLAIN_WIDTH = 120
"""Columns where there is no terminal that has any."""


class Narrator:
    """One story on one console. `live`: there is a terminal, on which a spinner can turn."""

    def __init__(self, console: Console, bounds: Mapping[str, float], *, live: bool) -> None:
        self.console = console
        self.times: list[Measured] = []
        self._bounds = bounds
        self.live = live
        self._steps = 0
        self.at = "before the first step"
        """Where the story is."""

    def title(self, text: str) -> None:
        """The first line."""
        self.console.print(Text(text, style="bold"))

    def step(self, title: str, sentence: str, *commands: str) -> None:
        """Begin the next step: its number, what happens, and what a person would type."""
        self._steps += 1
        self.at = f"step {self._steps}, {title[0].lower()}{title[1:]}"
        self.console.print()
        self.console.print(Text.assemble((f"{self._steps:2}  ", "bold blue"), (title, "bold")))
        self.say(sentence)
        self.commands(*commands)

    def commands(self, *commands: str) -> None:
        """Commands, as a shell shows them."""
        for command in commands:
            self.say(Text.assemble(("$ ", "dim"), (command, "cyan")))

    def say(self, line: str | Text) -> None:
        """A line that belongs to the step; never broken, so that it can be copied."""
        text = line if isinstance(line, Text) else Text(line)
        # In a style of its own, so that a drawing places what follows instead of spacing it.
        self.console.print(Text.assemble((" " * INDENT, "dim"), text), soft_wrap=True)

    def output(self, text: str, colours: Mapping[str, str] | None = None) -> None:
        """What a program printed; a line with one of these words has its colour."""
        for line in text.rstrip().splitlines():
            colour = next((colour for word, colour in (colours or {}).items() if word in line), "dim")
            self.say(Text(line, style=colour))

    def listing(self, text: str, colours: Mapping[str, str]) -> None:
        """The same for a table that is wider than most terminals: there it is cut off, in a pipe it is whole."""
        if self.console.is_terminal:
            width = self.console.width - INDENT
            text = "\n".join(f"{line[: width - 1]}…" if len(line) > width else line for line in text.splitlines())
        self.output(text, colours)

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """While the block runs, a terminal shows what is waited for."""
        if not self.live:
            yield
            return
        with self.console.status(Text(f"{what} ...", style="dim")):
            yield

    def took(self, name: str, seconds: float) -> None:
        """A measured time that nothing was promised of."""
        self.say(_line(Measured(name, seconds)))

    def measured(self, name: str, seconds: float) -> None:
        """A measured time; raises Missed when it is over its bound."""
        measured = Measured(name, seconds, self._bounds[name])
        self.times.append(measured)
        self.say(_line(measured))
        if seconds > self._bounds[name]:
            raise Missed(f"{name} took {seconds:.3f} s, promised are {self._bounds[name]:g} s")

    def table(self) -> None:
        """All that was measured."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        table.add_column("Measured")
        table.add_column("seconds", justify="right")
        table.add_column("promised", justify="right")
        for one in self.times:
            table.add_row(one.name, Text(f"{one.seconds:.3f}", style="green"), f"under {one.bound:g}")
        self.console.print()
        self.console.print(table)


def _line(measured: Measured) -> Text:
    line = Text.assemble((f"{measured.name:<24}", ""), (f"{measured.seconds:7.3f} s", "bold green"))
    if measured.bound is not None:
        line.append(f"   (promised: under {measured.bound:g} s)", style="dim")
    return line
