"""The CustomResourceDefinitions on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from controller.model.application import ApplicationStatus, InventoryEntry
from controller.model.condition import Condition
from controller.model.crds import KINDS, crds
from controller.model.drift import Drift
from controller.model.revision import Revision
from controller.model.run import Counts, Phase, Run, Trigger
from docs.generator.examples import examples
from tests.integration.resources.api import Api, Refused

if TYPE_CHECKING:
    from controller.model.base import Json

NOW = "2026-01-02T03:04:05Z"
STATUS = ApplicationStatus(
    conditions=(
        Condition(type="Ready", status="True", reason="Succeeded", message="all is well", last_transition_time=NOW),
        Condition(type="Synced", status="True", reason="Succeeded", last_transition_time=NOW),
        Condition(type="Healthy", status="False", reason="Degraded", last_transition_time=NOW),
    ),
    observed_generation=1,
    revision=Revision(
        sha="a" * 40, ref="refs/heads/main", author="A <a@example.com>", message="Less", committed_at=NOW
    ),
    last_run=Run(
        id="run-1",
        revision="a" * 40,
        trigger=Trigger.USER,
        phase=Phase.WAITING,
        started_at=NOW,
        counts=Counts(create=4),
    ),
    drift=(Drift(id="1", object="ConfigMap shop/shop", change="changed", fields=("/data/a",), since=NOW),),
    inventory=(InventoryEntry(version="v1", kind="ConfigMap", namespace="shop", name="shop"),),
    history=(Run(id="run-0", revision="b" * 40, trigger=Trigger.SPEC, phase=Phase.FAILED, started_at=NOW),),
    last_handled_sync="1",
    summary="1 object, 1 drifted",
)


@pytest.fixture
def application(api: Api) -> Json:
    """The smallest example, created."""
    body = next(example for example in examples() if example.name == "application").objects[0]
    return api.create(body)


def conditions(api: Api, crd: Json) -> dict[str, str]:
    """Status by condition type of a CustomResourceDefinition."""
    return {condition["type"]: condition["status"] for condition in api.read(crd)["status"]["conditions"]}


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_a_definition_is_structural_and_established(api: Api, crd: Json) -> None:
    """The API server serves the kind and finds nothing to complain about in its schema."""
    found = conditions(api, crd)
    assert found["Established"] == "True"
    assert found["NamesAccepted"] == "True"
    assert found.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_a_definition_is_stored_as_it_is_written(api: Api, crd: Json) -> None:
    """Nothing of a definition is dropped by the server, and a second apply changes nothing."""
    stored = api.read(crd)
    assert stored["spec"]["versions"][0]["schema"] == crd["spec"]["versions"][0]["schema"]
    assert api.apply(crd)["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


def test_kinds_are_found_by_category_and_short_name(api: Api) -> None:
    """`kubectl get gitops` and `kubectl get app` work: discovery says so."""
    found = {entry["name"]: entry for entry in api.get("/apis/shipslog.dev/v1alpha1")["resources"]}
    for kind in KINDS:
        assert found[kind.plural]["categories"] == ["shipslog", "gitops"]
        assert tuple(found[kind.plural].get("shortNames", ())) == kind.short_names
        assert found[kind.plural]["namespaced"] is kind.namespaced
        assert f"{kind.plural}/status" in found


def test_a_full_status_is_stored_and_read_back(api: Api, application: Json) -> None:
    """What the controller writes is what it reads again: no field of the status is unknown to the schema."""
    stored = api.write_status(application, msgspec.to_builtins(STATUS))["status"]
    assert msgspec.convert(stored, ApplicationStatus) == STATUS


def test_a_status_keeps_what_was_left_out_absent(api: Api, application: Json) -> None:
    """The server fills no default into a status: what nobody saw is not said."""
    run = {"id": "1", "revision": "", "trigger": "user", "phase": "Applying", "startedAt": NOW}
    given = {"conditions": [], "lastRun": run}
    assert api.write_status(application, given)["status"] == given


def test_a_status_is_written_through_its_subresource_only(api: Api, application: Json) -> None:
    """Whoever may edit an Application can't write its status along the way, and a status write changes no wish."""
    assert "status" not in api.merge(application, {"status": {"summary": "mine"}})
    generation = application["metadata"]["generation"]
    assert api.write_status(application, {"summary": "ours"})["metadata"]["generation"] == generation


def test_a_condition_stands_once_and_says_why(api: Api, application: Json) -> None:
    """Two conditions of a type, or one without a reason, are refused."""
    once = {"type": "Ready", "status": "True", "reason": "Succeeded"}
    with pytest.raises(Refused, match=r"Duplicate value: \{\\?\"type\\?\":\\?\"Ready\\?\"\}"):
        api.write_status(application, {"conditions": [once, once]})
    with pytest.raises(Refused, match=r"status\.conditions\[0\]\.reason"):
        api.write_status(application, {"conditions": [once | {"reason": ""}]})


def test_the_inventory_does_not_stand_twice_in_the_object(api: Api, application: Json) -> None:
    """A large inventory costs its own size only: managedFields names the list, not its entries."""
    status = {"inventory": [{"version": "v1", "kind": "ConfigMap", "name": f"object-{n}"} for n in range(500)]}
    stored = api.write_status(application, status)
    assert "object-1" not in str(stored["metadata"]["managedFields"])


def test_applications_show_their_state_in_columns(api: Api, application: Json) -> None:
    """`kubectl get applications -o wide` tells what people ask first."""
    api.write_status(application, msgspec.to_builtins(STATUS))
    columns = api.columns(api.collection(crds()[0]))
    assert columns.pop("Age")
    assert columns == {
        "Name": "shop",
        "Synced": "True",
        "Healthy": "False",
        "Objects": "1 object, 1 drifted",
        "Commit": "Less",
        "Ready": "True",
        "Repository": "shop-config",
        "Path": ".",
        "Cluster": "in-cluster",
        "Namespace": "shop",
        "Revision": "a" * 40,
        "Message": "all is well",
    }


@pytest.mark.parametrize("kind", ["repository", "cluster"])
def test_repositories_and_clusters_show_their_state_in_columns(api: Api, kind: str) -> None:
    """So do the other kinds."""
    body = next(example for example in examples() if example.name == kind).objects[-1]
    api.create(body)
    ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "answers"}
    api.write_status(body, {"conditions": [ready]})
    columns = api.columns(api.collection(body))
    assert (columns["Ready"], columns["Message"]) == ("True", "answers")


def test_applications_are_selected_by_repository_and_cluster(api: Api, application: Json) -> None:
    """A field selector finds the Applications of a repository or a cluster without reading all."""
    path = api.collection(application)
    for field, value in (("spec.source.repository", "shop-config"), ("spec.destination.cluster", "in-cluster")):
        assert len(api.get(f"{path}?fieldSelector={field}={value}")["items"]) == 1
        assert api.get(f"{path}?fieldSelector={field}=other")["items"] == []


def test_nulls_in_helm_values_are_kept(api: Api) -> None:
    """A null takes a chart's default away, so it must reach the chart."""
    body = next(example for example in examples() if example.name == "application-helm").objects[0]
    assert api.apply(body)["spec"]["source"]["helm"]["values"]["tolerations"] is None
