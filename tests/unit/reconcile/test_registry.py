from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import API_VERSION
from controller.model.objects import Key
from controller.reconcile.registry import Registry

if TYPE_CHECKING:
    from controller.model.base import Json

SHOP = Key("team-pay", "shop")


def body(uid: str = "one", version: str = "1", **metadata: Any) -> Json:
    """An Application as the API gives it."""
    spec = {"source": {"repository": "shop-config", "path": "."}, "destination": {"namespace": "shop"}}
    names = {"name": SHOP.name, "namespace": SHOP.namespace, "uid": uid, "resourceVersion": version, "generation": 1}
    return {"apiVersion": API_VERSION, "kind": "Application", "metadata": names | metadata, "spec": spec}


def registry(*bodies: Json) -> Registry:
    """A registry whose watch told of these."""
    made = Registry(None, "default")  # type: ignore[arg-type]  # nothing is asked of the cluster
    for one in bodies:
        made._take("Application", one)
    return made


def test_an_answer_to_a_write_is_known_before_the_watch_tells() -> None:
    """The next look sees what this one wrote."""
    made = registry(body())

    made.accept(body(version="2"))

    assert made.applications[SHOP].resource_version == "2"


def test_an_answer_that_comes_late_brings_no_deleted_application_back() -> None:
    """The answer to the write that let it go may come after the watch said that it is gone."""
    made = registry(body())
    made._drop("Application", SHOP)

    made.accept(body(version="2", deletionTimestamp="2026-01-01T00:00:00Z"))

    assert made.applications == {}
    assert made.owners == {}


def test_an_answer_about_a_namesake_that_is_gone_is_not_taken_for_the_new_one() -> None:
    """Deleted and created anew meanwhile."""
    made = registry(body(uid="two", version="9"))

    made.accept(body(uid="one", version="10"))

    assert made.applications[SHOP].uid == "two"
