"""The table in the documentation, between two markers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.table import described, sections

if TYPE_CHECKING:
    from tests.benchmarks.results import Results
    from tests.benchmarks.table import Section

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(results: Results, page: Path = PAGE) -> None:
    """Put the results between the page's markers. Raises ValueError when it has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {BEGIN} and {END}: put them where the table belongs")
    page.write_text(f"{before}{BEGIN}\n{render(results)}\n{END}{after}", encoding="utf-8")


def render(results: Results) -> str:
    """The results in Markdown."""
    machine = "\n".join(f"- {line}" for line in described(results.machine))
    return "\n\n".join([machine, *(_table(section) for section in sections(results))])


def _table(section: Section) -> str:
    lines = [
        f"**{section.title}**",
        "",
        _line(section.columns),
        "|" + " --- |" + " ---: |" * (len(section.columns) - 1),
        *(_line(row) for row in section.rows),
    ]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
