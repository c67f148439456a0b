"""What one replica holds, and what more would take: a model of measured costs, and the page that tells it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.benchmarks.fit import Line
from tests.benchmarks.question import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.question import Answer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
BEGIN, END = "<!-- model: begin -->", "<!-- model: end -->"
SIZES = (1_000, 3_000, 10_000, 50_000)
CLUSTERS = (1, 10, 100)
_GIB = 1024.0


class Cost(msgspec.Struct, frozen=True):
    """What so many Applications on so many clusters cost: base + N * application + C * cluster."""

    name: str
    unit: str
    base: float
    application: float
    cluster: float = 0.0

    def at(self, applications: float, clusters: float = 1) -> float:
        """The cost."""
        return self.base + applications * self.application + clusters * self.cluster

    def holds(self, limit: float, clusters: float = 1) -> float:
        """Applications within a limit; infinite where they cost nothing."""
        left = limit - self.base - clusters * self.cluster
        return max(0.0, left / self.application) if self.application > 0 else math.inf


class Budget(msgspec.Struct, frozen=True):
    """What a replica may cost, and why no more."""

    cost: str
    limit: float
    unit: str
    why: str


MEMORY, SECONDS, CPU = "memory", "first sync of all", "CPU of the first sync"
REQUESTS, SERVER = "requests of the first sync", "CPU of the API server for it"
COMPARED, QUESTIONS = "CPU of a full comparison", "requests of a full comparison"
STILL, ASKED = "CPU while nothing happens", "requests while nothing happens"
BUDGETS = (
    Budget(MEMORY, _GIB, "MiB", "the memory of a Pod that fits on any node"),
    Budget(CPU, 600.0, "s", "how long its core may be busy after a commit in a base that all share"),
    Budget(COMPARED, 900.0, "s", "a quarter of a core, when every object is compared once an hour"),
    Budget(STILL, 25.0, "% of a core", "what may be spent while nothing happens"),
)


class Model(msgspec.Struct, frozen=True):
    """The costs by name, as they were measured up to so many Applications and clusters."""

    costs: dict[str, Cost]
    applications: int
    clusters: int
    exponents: dict[str, float] = {}

    def decisive(self, clusters: float = 1) -> tuple[Budget, int]:
        """Which budget is spent first, and the Applications that one replica holds within all of them."""
        budget = min(BUDGETS, key=lambda one: self.costs[one.cost].holds(one.limit, clusters))
        most = self.costs[budget.cost].holds(budget.limit, clusters)
        return budget, math.floor(most) if math.isfinite(most) else self.applications

    def replicas(self, applications: int, clusters: float = 1) -> int:
        """Replicas that hold so many Applications, in equal shares. Raises ValueError where none holds one."""
        budget, most = self.decisive(clusters)
        if most < 1:
            raise ValueError(f"{clusters:g} clusters leave no room for an Application: {budget.cost}")
        return math.ceil(applications / most)


def model_of(growth: Mapping[str, Any], simulated: Mapping[str, Any]) -> Model:
    """From the data of two answers: growth tells what an Application costs, simulated what a cluster does.

    Raises KeyError for data of another form.
    """
    apart = {
        MEMORY: ("MiB", "memory, standing, MiB", "memory of the controller itself, standing, MiB"),
        SECONDS: ("s", "seconds", ""),
        CPU: ("s", "CPU seconds of ours", "first sync, CPU seconds of ours"),
        SERVER: ("s", "CPU seconds of the API server", ""),
        REQUESTS: ("", "requests", ""),
        COMPARED: ("s", "full comparison, CPU seconds of ours", ""),
        QUESTIONS: ("", "full comparison, requests", ""),
        STILL: ("% of a core", "standing still, CPU of one core, %", "standing still, CPU of one core, %"),
        ASKED: ("per minute", "standing still, requests in a minute", "standing still, requests in a minute"),
    }
    costs = {
        name: _cost(name, unit, growth["lines"][own], simulated["lines"][further] if further else None)
        for name, (unit, own, further) in apart.items()
    }
    return Model(costs, int(max(growth["sizes"])), int(max(simulated["clusters"])), growth["exponents"])


def _cost(name: str, unit: str, own: object, further: object) -> Cost:
    """Growth was measured on one cluster, so that one is taken out of its base. A slope below zero is noise: none."""
    line = msgspec.convert(own, Line)
    cluster = max(0.0, msgspec.convert(further, Line).each) if further else 0.0
    return Cost(name, unit, line.base - cluster, max(0.0, line.each), cluster)


def sections(model: Model) -> Sequence[Section]:
    """The model, what one replica holds, and what more takes, as tables."""
    return [_formulas(model), _holds(model), _further(model)]


def _formulas(model: Model) -> Section:
    rows = [
        (cost.name, cost.unit, f"{cost.base:.4g}", f"{cost.application:.4g}", f"{cost.cluster:.4g}")
        for cost in model.costs.values()
    ]
    title = f"Cost = a + b Applications + c clusters, from up to {model.applications} Applications and"
    return Section(f"{title} {model.clusters} clusters", ("", "unit", "a", "b", "c"), rows)


def _holds(model: Model) -> Section:
    columns = ("", "budget", *(f"{clusters} cluster{'s' if clusters > 1 else ''}" for clusters in CLUSTERS))
    rows = []
    for budget in BUDGETS:
        held = [model.costs[budget.cost].holds(budget.limit, clusters) for clusters in CLUSTERS]
        rows.append((f"{budget.cost}: {budget.why}", f"{budget.limit:g} {budget.unit}", *map(_number, held)))
    rows.append(("**one replica holds**", "", *(f"**{_number(model.decisive(c)[1])}**" for c in CLUSTERS)))
    rows.append(("decided by", "", *(model.decisive(clusters)[0].cost for clusters in CLUSTERS)))
    return Section("Applications within each budget", columns, rows)


def _further(model: Model) -> Section:
    rows = []
    for size in SIZES:
        try:
            replicas = model.replicas(size)
        except ValueError:
            rows.append((_number(size), "none holds one", "", "", "", "", ""))
            continue
        share = math.ceil(size / replicas)
        costs = model.costs
        rows.append(
            (
                _number(size) + ("" if size <= model.applications else " (extrapolated)"),
                str(replicas),
                _number(share),
                f"{costs[MEMORY].at(share):.0f} MiB",
                f"{replicas * costs[MEMORY].at(share) / _GIB:.1f} GiB",
                f"{costs[CPU].at(share):.0f} s",
                f"{costs[SERVER].at(size) / 60:.1f} min",
            )
        )
    columns = (
        "Applications",
        "replicas",
        "Applications each",
        "memory each",
        "memory in all",
        "CPU of a first sync each",
        "CPU of the API server",
    )
    return Section("Over shards, on one cluster", columns, rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "no limit"


def render(model: Model) -> str:
    """In Markdown."""
    budget, most = model.decisive()
    held = f"One replica holds about {_number(most)} Applications of four objects on one cluster"
    said = f"**{held}; {budget.cost} decides** ({budget.limit:g} {budget.unit}: {budget.why})."
    grows = "; ".join(f"{name} {exponent:.2f}" for name, exponent in model.exponents.items())
    straight = f"Exponents over the sizes that were measured (1 is linear): {grows}." if grows else ""
    return "\n\n".join([said, *filter(None, [straight]), *(_table(section) for section in sections(model))])


def _table(section: Section) -> str:
    head = ["| " + " | ".join(section.columns) + " |", "| --- |" + " ---: |" * (len(section.columns) - 1)]
    return "\n".join([f"**{section.title}**", "", *head, *("| " + " | ".join(row) + " |" for row in section.rows)])


def write(answers: Mapping[str, Answer], page: Path = PAGE) -> bool:
    """Put the model between the page's markers; False where growth or simulated was not asked: it stays as it was.

    Raises ValueError when the page has no markers.
    """
    if not {"growth", "simulated"} <= answers.keys():
        return False
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {BEGIN} and {END}: put them where the model belongs")
    told = render(model_of(answers["growth"].data, answers["simulated"].data))
    page.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", encoding="utf-8")
    return True
