"""A table whose rows arrive one by one: each is shown at once, under titles that stand above the first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from controller.cli.fit import GAP, fit
from controller.cli.table import ELASTIC, PIPE_GAP, by_column, clean, console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console


class Stream:
    """Columns of a pipe grow with what arrives; on a terminal cells are cut so that a row stays on its line."""

    def __init__(self, titles: Sequence[str], optional: Sequence[str] = ()) -> None:
        self._titles = tuple(titles)
        self._optional = [self._titles.index(title) for title in optional]
        self._elastic = {index for index, title in enumerate(titles) if title in ELASTIC}
        self._widths = [len(title) for title in titles]
        self._shown: tuple[int, ...] = ()
        self._console = console() if sys.stdout.isatty() else None

    def add(self, row: Sequence[str]) -> None:
        """Show a row."""
        cells = [clean(cell) for cell in row]
        self._widths = [max(width, cell_len(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        if self._console is None:
            self._print(cells)
        else:
            self._draw(cells, self._console)

    def _print(self, cells: Sequence[str]) -> None:
        if not self._shown:
            self._shown = tuple(range(len(cells)))
            self._line([title.upper() for title in self._titles])
        self._line(cells)

    def _line(self, cells: Sequence[str]) -> None:
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, self._widths, strict=True)]
        print(PIPE_GAP.join(padded).rstrip(), flush=True)

    def _draw(self, cells: Sequence[str], terminal: Console) -> None:
        fitted = fit(self._widths, terminal.width, self._elastic, self._optional)
        if fitted.shown != self._shown:
            self._shown = fitted.shown
            terminal.print(self._row(self._titles, fitted.widths, ["bold"] * len(cells)))
        styles = [by_column(title, cell, cells) for title, cell in zip(self._titles, cells, strict=True)]
        terminal.print(self._row(cells, fitted.widths, styles))

    def _row(self, cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> Text:
        line = Text()
        for index, width in zip(self._shown, widths, strict=True):
            cell = Text(cells[index], style=styles[index])
            cell.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(cell).append(" " * GAP)
        line.rstrip()
        return line
