"""A question that the benchmark asks, and the form of its answer: data only, JSON all through."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads annotations at run time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

Row = tuple[str, ...]


class Asked(msgspec.Struct, frozen=True, rename="camel"):
    """What was asked for on the command line; a question takes of it what concerns it."""

    applications: int = 1000
    repetitions: int = 3
    commits: int = 10
    steady_seconds: float = 60.0
    poll_seconds: int = 2
    quick: bool = False
    objects_per_application: int = 4
    in_flight: int = 50


class Aim(msgspec.Struct, frozen=True):
    """A figure beside what it should be at most. `unit`: s, ms, x, MiB, KiB, % or nothing for a count."""

    name: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is within the limit."""
        return self.measured <= self.limit


class Curve(msgspec.Struct, frozen=True):
    """One line of a plot: y over x, in the units that the plot's labels name."""

    name: str
    x: list[float]
    y: list[float]


class Plot(msgspec.Struct, frozen=True):
    """One picture. `name` is the stem of its file."""

    name: str
    title: str
    x_label: str
    y_label: str
    curves: list[Curve]
    log_x: bool = False


class Section(NamedTuple):
    """One table: the first column says what, the others how much."""

    title: str
    columns: Row
    rows: Sequence[Row]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a question found.

    `ratios` have no dimension, are better the lower they are, and carry over to another machine: they are what the
    committed baseline holds. `data` are the raw figures: seconds, bytes, CPU seconds of one core.
    """

    question: str
    sections: list[Section] = []
    ratios: dict[str, float] = {}
    aims: list[Aim] = []
    plots: list[Plot] = []
    data: dict[str, object] = {}


class Question(Protocol):
    """One thing to measure. It is made with what was asked for: `Load(asked)`."""

    name: str
    """As `--questions` and the JSON files call it."""
    title: str
    """In a line, for people."""

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it on these servers, which are empty before and afterwards.

        Raises whatever went wrong: the others are asked all the same.
        """
        ...
