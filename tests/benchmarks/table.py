"""A run as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tests.benchmarks.question import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.machine import Machine
    from tests.benchmarks.question import Aim
    from tests.benchmarks.record import Run


def show(run: Run, further: Sequence[Section] = ()) -> None:
    """Print what was found, what was aimed at, and what went wrong."""
    sections = [section for answer in run.answers.values() for section in answer.sections]
    aims = [aim for answer in run.answers.values() for aim in answer.aims]
    parts: list[Text | Table] = [Text(line) for line in described(run.machine)]
    for section in [*sections, *([aims_section(aims)] if aims else []), *further]:
        parts += [Text(), Text(section.title, style="bold"), _table(section)]
    parts += [Text(f"{name} failed: {error}", style="bold red") for name, error in run.failures.items()]
    # Piped: wide enough for every row, no colour, no line broken.
    Console(width=None if Console().is_terminal else 160, highlight=False).print(Group(*parts))


def aims_section(aims: Sequence[Aim]) -> Section:
    """What was aimed at."""
    rows = [
        (aim.name, figure(aim.measured, aim.unit), figure(aim.limit, aim.unit), "met" if aim.met else "missed")
        for aim in aims
    ]
    return Section("What was aimed at", ("", "measured", "at most", ""), rows)


def figure(value: float, unit: str) -> str:
    """A number with its unit: three digits that count, no more."""
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}".strip()


def described(machine: Machine) -> Sequence[str]:
    """The machine in lines."""
    versions = {
        "shipslog": machine.shipslog,
        "Python": machine.python,
        "Kubernetes": machine.kubernetes,
        "PostgreSQL": machine.postgresql,
        "git": machine.git,
    }
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.kernel}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"load average before the start: {machine.load:.2f}",
    ]


def _table(section: Section) -> Table:
    table = Table()
    for number, column in enumerate(section.columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in section.rows:
        table.add_row(*row)
    return table
