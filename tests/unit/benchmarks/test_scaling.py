"""The model of what Applications and clusters cost, on figures of which the answer is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmarks import scaling
from tests.benchmarks.question import Answer
from tests.benchmarks.scaling import BEGIN, COMPARED, CPU, END, MEMORY, STILL, Cost, Model, model_of

if TYPE_CHECKING:
    from pathlib import Path


def _line(base: float, each: float) -> dict[str, float]:
    return {"base": base, "each": each}


@pytest.fixture
def growth() -> dict[str, Any]:
    """Data of an answer of growth: 110 MiB and 50 KiB for each Application, 20 ms for each."""
    lines = {
        "memory, standing, MiB": _line(110, 0.05),
        "seconds": _line(1, 0.02),
        "CPU seconds of ours": _line(0.5, 0.01),
        "CPU seconds of the API server": _line(1, 0.03),
        "requests": _line(10, 13),
        "full comparison, CPU seconds of ours": _line(0, 0.015),
        "full comparison, requests": _line(0, 10),
        "standing still, CPU of one core, %": _line(0.5, -0.0001),
        "standing still, requests in a minute": _line(6, 0),
    }
    return {"lines": lines, "sizes": [300.0, 1000.0, 3000.0], "exponents": {"seconds": 1.02}}


@pytest.fixture
def simulated() -> dict[str, Any]:
    """Data of an answer of simulated: half a MiB for each cluster."""
    lines = {
        "memory of the controller itself, standing, MiB": _line(100, 0.5),
        "first sync, CPU seconds of ours": _line(1, 0.02),
        "standing still, CPU of one core, %": _line(0.2, 0.1),
        "standing still, requests in a minute": _line(0, 10),
    }
    return {"lines": lines, "clusters": [1.0, 100.0]}


def test_a_cost_is_a_base_and_a_share_for_each() -> None:
    """And it tells how many Applications it holds within a limit."""
    cost = Cost("memory", "MiB", 100, 0.05, 0.5)
    assert cost.at(1000, 10) == pytest.approx(155)
    assert cost.holds(155, 10) == pytest.approx(1000)
    assert cost.holds(50) == 0
    assert Cost("x", "", 1, 0).holds(2) == math.inf


def test_the_one_cluster_of_growth_is_taken_out_of_the_base(growth: dict[str, Any], simulated: dict[str, Any]) -> None:
    """So the model gives on one cluster what was measured there; a slope below zero counts as none."""
    model = model_of(growth, simulated)
    assert model.costs[MEMORY].base == pytest.approx(109.5)
    assert model.costs[MEMORY].at(3000, 1) == pytest.approx(110 + 150)
    assert model.costs[MEMORY].at(3000, 100) == pytest.approx(109.5 + 150 + 50)
    assert model.costs[STILL].application == 0
    assert (model.applications, model.clusters) == (3000, 100)


def test_the_budget_that_is_spent_first_decides(growth: dict[str, Any], simulated: dict[str, Any]) -> None:
    """Memory here, until an Application takes longer."""
    model = model_of(growth, simulated)
    budget, most = model.decisive()
    assert (budget.cost, most) == (MEMORY, int((1024 - 110) / 0.05))
    growth["lines"]["CPU seconds of ours"] = _line(0, 0.2)
    budget, most = model_of(growth, simulated).decisive()
    assert (budget.cost, most) == (CPU, 3000)


def test_replicas_share_what_one_does_not_hold(growth: dict[str, Any], simulated: dict[str, Any]) -> None:
    """As many as are needed; and where the clusters alone are too much, that is said."""
    model = model_of(growth, simulated)
    assert [model.replicas(size) for size in (1, 18_280, 18_281, 50_000)] == [1, 1, 2, 3]
    with pytest.raises(ValueError, match="no room"):
        model.replicas(1, clusters=3000)


def test_the_page_has_the_model_between_its_markers(
    growth: dict[str, Any], simulated: dict[str, Any], tmp_path: Path
) -> None:
    """What stands around stays; without both answers the page is left alone; a page without markers is refused."""
    page = tmp_path / "scaling.md"
    page.write_text(f"before\n{BEGIN}\nearlier\n{END}\nafter\n", encoding="utf-8")
    answers = {"growth": Answer(question="growth", data=growth)}
    assert not scaling.write(answers, page)
    assert "earlier" in page.read_text(encoding="utf-8")

    answers["simulated"] = Answer(question="simulated", data=simulated)
    assert scaling.write(answers, page)

    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "earlier" not in text
    assert "One replica holds about 18,280 Applications of four objects on one cluster; memory decides" in text
    assert "(1 is linear): seconds 1.02." in text
    assert "| 50,000 (extrapolated) | 3 | 16,667 |" in text
    page.write_text("none", encoding="utf-8")
    with pytest.raises(ValueError, match=r"scaling\.md has no"):
        scaling.write(answers, page)


def test_a_model_in_which_nothing_grows_claims_no_more_than_was_measured() -> None:
    """No limit is found, so no number beyond the largest measured one is told."""
    costs = {name: Cost(name, "", 1, 0) for name in (MEMORY, CPU, COMPARED, STILL)}
    assert Model(costs, 3000, 100).decisive()[1] == 3000
