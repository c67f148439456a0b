"""Tables: with colour for people, plain columns for pipes; nothing foreign reaches the terminal as a command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GOOD = frozenset({"True", "Healthy", "Succeeded", "success", "ok", "create"})
_BAD = frozenset({"False", "Degraded", "Failed", "failure", "fail", "Missing", "prune", "refused"})
_ODD = frozenset({"Unknown", "Progressing", "Waiting", "Applying", "Suspended", "Superseded", "warn", "update"})
_GAP = "   "


class Table(msgspec.Struct, frozen=True):
    """Titles and rows of text. `empty` is said instead when there are no rows."""

    titles: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing found."


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
    elif for_people():
        console().print(drawn(table))
    else:
        print("\n".join(plain(table)))


def plain(table: Table) -> list[str]:
    """The lines for a pipe: columns as wide as their widest cell, nothing cut off, nothing after the last."""
    lines = [tuple(title.upper() for title in table.titles), *(tuple(map(clean, row)) for row in table.rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.titles))]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def drawn(table: Table) -> RichTable:
    """The table for a terminal."""
    drawing = RichTable(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in table.titles:
        drawing.add_column(title, overflow="fold")
    for row in table.rows:
        drawing.add_row(*(Text(clean(cell), style=style(cell)) for cell in row))
    return drawing


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
