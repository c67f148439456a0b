"""Runs on the page, and their plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import markdown
from tests.benchmarks.drawing import draw
from tests.benchmarks.question import Curve, Plot
from tests.benchmarks.table import figure
from tests.unit.benchmarks.runs import PLOT, answer, run

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with markers."""
    path = tmp_path / "page.md"
    path.write_text(f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n", encoding="utf-8")
    return path


def test_runs_are_written_between_the_markers(page: Path) -> None:
    """What stands around them stays; what stood between them goes."""
    markdown.write([run(answer(seconds=1.25))], page)

    before, _, rest = page.read_text(encoding="utf-8").partition(markdown.BEGIN)
    shown, _, after = rest.partition(markdown.END)
    assert (before, after) == ("before\n", "\nafter\n")
    assert "old" not in shown
    assert "- a processor, 2 cores, 16 GiB, Linux 6" in shown
    assert "| a \\| b | 1.00 |" in shown
    assert "| to bare | 1 x | 1.30 x | met |" in shown
    assert "| load: seconds | 1.25 |" in shown
    assert "![Many at once](benchmarks/load.png)" in shown


def test_several_runs_show_their_spread_and_what_is_missed_in_the_middle(page: Path) -> None:
    """Met once is not met."""
    markdown.write([run(answer(measured=value, seconds=value)) for value in (1.0, 2.0, 1.5)], page)

    shown = page.read_text(encoding="utf-8")
    assert "What was aimed at, median of 3 runs (least to most)" in shown
    assert "| to bare | 1.50 x (1 x to 2 x) | 1.30 x | missed |" in shown
    assert "| load: seconds | 1.50 (1.00 to 2.00) |" in shown


def test_a_question_without_an_answer_is_said_on_the_page(page: Path) -> None:
    """With its error."""
    found = run(answer(seconds=1.0))
    found.failures["commit"] = "TimeoutError: late"

    markdown.write([found], page)

    assert "**commit failed**: TimeoutError: late" in page.read_text(encoding="utf-8")


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    """It would be overwritten."""
    path = tmp_path / "page.md"
    path.write_text("no markers\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"page\.md has no"):
        markdown.write([run()], path)


def test_a_plot_is_a_png_and_the_same_figures_give_the_same_file(tmp_path: Path) -> None:
    """So a page that did not change makes no difference in Git."""
    first = draw(PLOT, tmp_path / "one").read_bytes()
    second = draw(PLOT, tmp_path / "two").read_bytes()

    assert first.startswith(PNG)
    assert len(first) > 2000
    assert first == second


def test_a_plot_shows_its_figures(tmp_path: Path) -> None:
    """Others give another picture; so does a scale in powers of ten."""
    other = Plot(PLOT.name, PLOT.title, PLOT.x_label, PLOT.y_label, [Curve("ours", [1, 10, 100], [0, 50, 60])])
    powers = Plot(PLOT.name, PLOT.title, PLOT.x_label, PLOT.y_label, other.curves, log_x=True)

    pictures = {draw(plot, tmp_path / str(place)).read_bytes() for place, plot in enumerate((PLOT, other, powers))}

    assert len(pictures) == 3


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0, "", "0"), (3, "s", "3 s"), (0.125, "s", "0.12 s"), (12.34, "ms", "12.3 ms"), (123.4, "MiB", "123 MiB")],
)
def test_a_figure_has_three_digits_that_count(value: float, unit: str, shown: str) -> None:
    """With its unit."""
    assert figure(value, unit) == shown
