"""Details of an event fit into a record, however large a plan is."""

from __future__ import annotations

import msgspec

from controller.reconcile.brief import BUDGET, brief


def test_what_fits_is_left_as_it_is() -> None:
    """No field is added either."""
    detail = {"steps": [{"object": "a"}], "differences": {"a": ["b"]}, "digest": "x"}

    assert brief(detail, "differences", "steps") == detail


def test_the_first_named_is_given_up_first_and_counted() -> None:
    """Differences go before the list of objects: what was changed is known from the commit, that it was is not."""
    steps = [f"ConfigMap shop/settings-{number}" for number in range(500)]
    detail = {"steps": steps, "differences": {step: ["x" * 236] * 5 for step in steps[:50]}}

    cut = brief(detail, "differences", "steps")

    assert len(msgspec.json.encode(cut)) <= BUDGET
    assert cut["steps"] == steps
    assert 0 < len(cut["differences"]) < 50
    assert cut["differencesOmitted"] == 50 - len(cut["differences"])
    assert "stepsOmitted" not in cut


def test_names_as_long_as_the_api_allows_fit() -> None:
    """253 characters for each of 500 objects: the list is cut, and says by how much."""
    steps = [f"{number:03}" + "x" * 250 for number in range(500)]

    cut = brief({"steps": steps, "differences": {"a": "b"}}, "differences", "steps")

    assert len(msgspec.json.encode(cut)) <= BUDGET
    assert cut["differences"] == {}
    assert len(cut["steps"]) + cut["stepsOmitted"] == 500
