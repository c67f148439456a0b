"""Plots as PNG: thin lines, no frame, legible on a white and on a dark page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from tests.benchmarks.question import Plot

INCHES, DPI = (7.2, 3.6), 110
COLOURS = ("#1f5f99", "#d1701f", "#3a8a4d", "#8a4fa3", "#8c6d46", "#5c6670")
INK, GRID = "#24292f", "#d0d7de"
FEW = 12
"""Points up to which each of them is marked."""


def draw(plot: Plot, directory: Path) -> Path:
    """Draw a plot into `directory/NAME.png`; gives the file."""
    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, curve in enumerate(plot.curves):
        axes.plot(
            curve.x,
            curve.y,
            label=curve.name,
            color=COLOURS[number % len(COLOURS)],
            linewidth=1.6,
            marker="o" if len(curve.x) <= FEW else "",
            markersize=4,
        )
    _dress(axes, plot)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{plot.name}.png"
    # Without a word on the program and the moment: the same figures give the same file.
    figure.savefig(path, metadata={"Software": None})
    return path


def _dress(axes: Axes, plot: Plot) -> None:
    axes.set_title(plot.title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(plot.x_label, fontsize=9, color=INK)
    axes.set_ylabel(plot.y_label, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if plot.log_x:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    if not plot.log_x:
        axes.set_xlim(left=0)
    if len(plot.curves) > 1:
        axes.legend(fontsize=8, frameon=False, labelcolor=INK)
