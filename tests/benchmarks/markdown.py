"""The run in the documentation, between two markers, with its plots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.question import Section
from tests.benchmarks.record import aims_of, ratios_of
from tests.benchmarks.spread import Spread
from tests.benchmarks.table import described, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.question import Plot
    from tests.benchmarks.record import Run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
PLOTS = "benchmarks"
"""Directory of the plots, beside the page."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(runs: Sequence[Run], page: Path = PAGE) -> None:
    """Put runs between the page's markers, tables and plots of the last. Raises ValueError when it has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {BEGIN} and {END}: put them where the table belongs")
    page.write_text(f"{before}{BEGIN}\n{render(runs)}\n{END}{after}", encoding="utf-8")


def plots_of(runs: Sequence[Run]) -> list[Plot]:
    """The plots that the page shows."""
    return [plot for answer in runs[-1].answers.values() for plot in answer.plots]


def render(runs: Sequence[Run]) -> str:
    """In Markdown: the machine, aims and ratios over all runs, then each answer of the last."""
    last = runs[-1]
    parts = ["\n".join(f"- {line}" for line in described(last.machine)), _table(aims(runs)), _table(ratios(runs))]
    for answer in last.answers.values():
        parts += [_table(section) for section in answer.sections]
        parts += [f"![{plot.title}]({PLOTS}/{plot.name}.png)" for plot in answer.plots]
    parts += [f"**{name} failed**: {error}" for name, error in last.failures.items()]
    return "\n\n".join(parts)


def aims(runs: Sequence[Run]) -> Section:
    """Every aim; met only where the median over the runs is."""
    measured = aims_of(runs)
    rows = []
    for question, answer in runs[-1].answers.items():
        for aim in answer.aims:
            spread = Spread.of(measured[question, aim.name])
            least, most = figure(spread.least, aim.unit), figure(spread.most, aim.unit)
            middle = figure(spread.median, aim.unit)
            shown = middle if least == most else f"{middle} ({least} to {most})"
            verdict = "met" if spread.median <= aim.limit else "missed"
            rows.append((aim.name, shown, figure(aim.limit, aim.unit), verdict))
    return Section(f"What was aimed at{_over(runs)}", ("", "measured", "at most", ""), rows)


def ratios(runs: Sequence[Run]) -> Section:
    """Every ratio."""
    rows = [(f"{question}: {name}", Spread.of(values).text()) for (question, name), values in ratios_of(runs).items()]
    return Section(f"Every ratio{_over(runs)}", ("", "lower is better"), rows)


def _over(runs: Sequence[Run]) -> str:
    return f", median of {len(runs)} runs (least to most)" if len(runs) > 1 else ""


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
