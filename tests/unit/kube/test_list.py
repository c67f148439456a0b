"""Lists that change while they are read."""

from __future__ import annotations

import pytest

from controller.kube import discovery
from controller.kube.errors import Gone
from tests.unit.kube.scripted import in_turn, said, scripted, status

PATH = "/api/v1/namespaces/here/configmaps"
EXPIRED = said(status(410, "Expired", "The provided continue parameter is too old"), 410)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "PAUSE", 0.0)


def _page(name: str, token: str = "") -> dict[str, object]:
    return {"metadata": {"resourceVersion": "1", "continue": token}, "items": [{"metadata": {"name": name}}]}


async def test_a_list_whose_next_page_is_forgotten_begins_anew() -> None:
    """Nothing of the first try is kept: each object is there once."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(said(_page("a", "more")), EXPIRED, said(_page("a", "more")), said(_page("b")))
        found = await cluster.list("v1", "ConfigMap", namespace="here")

    assert [item["metadata"]["name"] for item in found] == ["a", "b"]
    assert {item["kind"] for item in found} == {"ConfigMap"}


async def test_a_list_that_is_always_forgotten_is_given_up() -> None:
    """A cluster that changes faster than it can be read is no reason to hang."""
    async with scripted() as (script, cluster):
        again = said(_page("a", "more"))
        script.answers[PATH] = in_turn(again, EXPIRED, again, EXPIRED)

        with pytest.raises(Gone):
            await cluster.list("v1", "ConfigMap", namespace="here")
