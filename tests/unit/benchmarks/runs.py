"""Runs that nobody measured."""

from __future__ import annotations

from tests.benchmarks.machine import Machine
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.record import Run

MACHINE = Machine(
    cpu="a processor",
    cores=2,
    memory_bytes=2**34,
    kernel="Linux 6",
    load=0.1,
    shipslog="0.1.0",
    python="3.11.7",
    kubernetes="v1.36.3",
    postgresql="18.4",
    git="2.39.5",
)
PLOT = Plot("load", "Many at once", "seconds", "Ready", [Curve("ours", [0, 1, 2], [0, 10, 100])])


def answer(question: str = "load", *, measured: float = 1.0, **ratios: float) -> Answer:
    """An answer with a table, an aim, a plot and these ratios."""
    return Answer(
        question=question,
        sections=[Section("How long", ("", "ours"), [("a | b", "1.00")])],
        ratios=ratios,
        aims=[Aim("to bare", measured, 1.3, "x")],
        plots=[PLOT],
        data={"seconds": [1.5, 2]},
    )


def run(*answers: Answer, applications: int = 100) -> Run:
    """A run with these answers."""
    found = Run(machine=MACHINE, asked=Asked(applications=applications))
    found.answers = {one.question: one for one in answers}
    return found
