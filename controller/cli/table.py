"""Tables: with colour for people, plain columns for pipes; nothing foreign reaches the terminal as a command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from controller.cli.fit import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

VERDICTS = frozenset({"Synced", "Healthy", "Ready", "Status", "State", "Health", "Outcome", "Phase"})
"""Columns whose words are verdicts, and coloured as such; anywhere else the same word is a name."""

_GOOD = frozenset({"True", "Healthy", "Succeeded", "success", "ok", "create"})
_BAD = frozenset({"False", "Degraded", "Failed", "failure", "fail", "Missing", "prune", "refused"})
_ODD = frozenset({"Unknown", "Progressing", "Waiting", "Applying", "Suspended", "Superseded", "warn", "update"})
PIPE_GAP = "   "
"""Between two columns in a pipe."""
ELASTIC = frozenset({"Message", "Reason", "Remedy", "Commit", "Object", "Objects", "Fields", "File", "URL", "Path"})
"""Columns of prose and paths, which still say something when their end is cut off."""


def by_column(title: str, cell: str, row: Sequence[str]) -> str:
    """The colour of a cell: that of its word where the column holds verdicts."""
    del row
    return style(cell) if title in VERDICTS else ""


class Table(msgspec.Struct, frozen=True):
    """Titles and rows of text. `empty` is said instead when there are no rows.

    On a terminal that is too narrow, cells of `elastic` columns are cut with an ellipsis, or go on in the next line, at
    a word, where the column is in `wraps`; where that is not enough, columns of `optional` are left out, in its order.
    """

    titles: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing found."
    optional: tuple[str, ...] = ()
    elastic: frozenset[str] = ELASTIC
    wraps: tuple[str, ...] = ()
    indented: tuple[str, ...] = ()
    """Columns whose leading spaces say something: they are a tree's."""
    colour: Callable[[str, str, Sequence[str]], str] = by_column


def for_people() -> bool:
    """Whether standard output is a terminal that wants colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def console(*, stderr: bool = False) -> Console:
    """A console that never takes text for markup."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True, stderr=stderr)


def show(table: Table) -> None:
    """Print a table; one without rows says so on standard error, so that a pipe gets nothing."""
    if not table.rows:
        print(table.empty, file=sys.stderr)
    elif sys.stdout.isatty():
        terminal = console()  # which leaves out colours by itself where NO_COLOR is set
        drawing, left_out = drawn(table, terminal.width)
        terminal.print(drawing)
        if left_out:
            note = f"No room for {', '.join(left_out)}: a wider terminal or -o json shows more."
            terminal.print(Text(note, "dim"), soft_wrap=False)
    else:
        print("\n".join(plain(table)))


def plain(table: Table) -> list[str]:
    """The lines for a pipe: columns as wide as their widest cell, nothing cut off, nothing after the last."""
    lines = [tuple(title.upper() for title in table.titles), *cleaned(table)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.titles))]
    return [
        PIPE_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]


def drawn(table: Table, width: int) -> tuple[RichTable, list[str]]:
    """The table for a terminal of so many cells, and the titles of columns that it has no room for."""
    cells = cleaned(table)
    naturals = [max(map(cell_len, column)) for column in zip(table.titles, *cells, strict=True)]
    elastic = {index for index, title in enumerate(table.titles) if title in table.elastic}
    places = {title: index for index, title in enumerate(table.titles)}
    fitted = fit(naturals, width, elastic, [places[title] for title in table.optional])
    drawing = RichTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    for index, room in zip(fitted.shown, fitted.widths, strict=True):
        wraps = table.titles[index] in table.wraps
        drawing.add_column(table.titles[index], width=room, no_wrap=not wraps, overflow="fold" if wraps else "ellipsis")
    for row in cells:
        styles = [table.colour(title, cell, row) for title, cell in zip(table.titles, row, strict=True)]
        drawing.add_row(*(Text(row[index], style=styles[index]) for index in fitted.shown))
    return drawing, [title.lower() for index, title in enumerate(table.titles) if index not in fitted.shown]


def cleaned(table: Table) -> list[tuple[str, ...]]:
    """The cells without what a terminal might obey, indented where the column is."""
    return [
        tuple(
            (" " * (len(cell) - len(cell.lstrip(" "))) if title in table.indented else "") + clean(cell)
            for title, cell in zip(table.titles, row, strict=True)
        )
        for row in table.rows
    ]


def style(word: str) -> str:
    """The colour of a verdict; none for any other word."""
    for words, colour in ((_GOOD, "green"), (_BAD, "red"), (_ODD, "yellow")):
        if word in words:
            return colour
    return ""


def clean(text: str) -> str:
    """Foreign text on one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) or "-"


def columns(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of `name: value`, values under each other."""
    known = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in known), default=0) + 1
    return [f"{name + ':':<{width}}  {value}" for name, value in known]
