"""What the chart makes of its values, without a cluster."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from controller.model.crds import crds
from controller.settings import Settings, variable
from docs.generator.chart import CHART_OWNED, CHOICES, LISTS, value_name
from tests.integration.chart.helm import CHART, DATABASE, NAMESPACE, Helm, HelmFailed, container, environment, find

if TYPE_CHECKING:
    from controller.model.base import Json

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Helm without a cluster."""
    return Helm(tmp_path)


def controller(objects: list[Json]) -> dict[str, str]:
    """The environment of the controller's container."""
    return environment(objects, container(find(objects, "StatefulSet")))


def other(field: dataclasses.Field[Any]) -> Any:
    """A value of the setting that is not its default; of numbers, one that a careless chart would round."""
    if field.name in CHOICES:
        return next(choice for choice in CHOICES[field.name] if choice != field.default)
    type_ = typing.get_type_hints(Settings)[field.name]
    values = {str: "other:1234", Path: "/other", int: 123456789012, float: 7.25, bool: not field.default}
    return values[type_]


def test_the_chart_passes_a_strict_lint(helm: Helm) -> None:
    """Helm has no warning about the chart."""
    assert "0 chart(s) failed" in helm.lint()


def test_default_values_give_default_settings(helm: Helm) -> None:
    """The Pod's environment says what the code's defaults say, but for what the chart owns."""
    settings = Settings.from_environment(controller(helm.template()))
    assert settings == Settings(namespace=NAMESPACE, producer="shipslog-0", database_url=DATABASE["url"])


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {*CHART_OWNED, *LISTS}])
def test_every_setting_is_reachable_through_values(helm: Helm, name: str) -> None:
    """A value of the chart becomes the environment variable, to the last digit."""
    wanted = other(FIELDS[name])
    given = controller(helm.template({"settings": {value_name(name): wanted}}))
    assert given[variable(FIELDS[name])] == str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    type_ = typing.get_type_hints(Settings)[name]
    assert getattr(Settings.from_environment(given), name) == type_(wanted)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_among_the_values_is_the_same_list_to_the_controller(helm: Helm, name: str) -> None:
    """People write YAML; the controller reads JSON."""
    wanted = [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
    given = controller(helm.template({"settings": {value_name(name): wanted}}))
    assert json.loads(given[variable(FIELDS[name])]) == wanted
    assert Settings.from_environment(given).ignored[0].json_pointers == ("/spec/replicas",)


def test_settings_that_the_chart_owns_come_from_the_release(helm: Helm) -> None:
    """The ledger's URL comes from the Secret that is named, and never stands in an object of the chart."""
    values = {"database": {"existingSecret": "ledger", "keys": {"writer": "dsn"}}}
    entries = {entry["name"]: entry for entry in container(find(helm.template(values), "StatefulSet"))["env"]}
    assert entries["SHIPSLOG_DATABASE_URL"]["valueFrom"] == {"secretKeyRef": {"name": "ledger", "key": "dsn"}}
    assert set(CHART_OWNED) == {"database_url", "namespace", "producer"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"settings": {"listen": "127.0.0.1:8080"}}, "/settings/listen"),
        ({"settings": {"listen": "localhost:8080"}}, "/settings/listen"),
        ({"prometheusRule": {"runbookBaseUrl": "wiki"}}, "/prometheusRule/runbookBaseUrl"),
        ({"settings": {"loglevel": "info"}}, "loglevel"),
        ({"settings": {"logLevel": "loud"}}, "/settings/logLevel"),
        ({"settings": {"workers": "twenty"}}, "/settings/workers"),
        ({"settings": {"workers": -1}}, "/settings/workers"),
        ({"settings": {"spoolDir": "spool"}}, "/settings/spoolDir"),
        ({"settings": {"listen": "localhost"}}, "/settings/listen"),
        ({"settings": {"databaseUrl": "postgresql://user:password@host/db"}}, "databaseUrl"),
        ({"database": {"existingSecret": ""}}, "/database/existingSecret"),
        ({"database": {"createLogins": "yes"}}, "/database/createLogins"),
        ({"database": {"keys": {"reader": ""}}}, "/database/keys/reader"),
        ({"database": {"url": "postgresql://user:password@host/db"}}, "/database"),
        ({"image": {"tga": "1"}}, "tga"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"persistence": {"size": "10 GB"}}, "/persistence/size"),
        ({"replicas": 3}, "replicas"),
        ({"rbac": {"clusterAdmin": "yes"}}, "/rbac/clusterAdmin"),
        ({"service": {"port": 0}}, "/service/port"),
        ({"serviceMonitor": {"interval": "often"}}, "/serviceMonitor/interval"),
    ],
    ids=lambda value: value.strip("/").replace("/", ".") if isinstance(value, str) else "",
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: Json, field: str) -> None:
    """Helm names the value that the schema refuses, before anything is sent to a cluster."""
    with pytest.raises(HelmFailed, match="don't meet the specifications of the schema") as refusal:
        helm.template(values)
    assert field in str(refusal.value)


def test_values_and_schema_name_the_same() -> None:
    """values.yaml and values.schema.json name the same values, at every level that the schema closes."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    del schema["properties"]["global"]  # Helm's own
    assert _closed(schema) == _named(values, schema)


def _closed(schema: Json, path: str = "") -> set[str]:
    inner = schema.get("properties", {})
    return {path} | {found for name, field in inner.items() for found in _closed(field, f"{path}.{name}")}


def _named(values: Any, schema: Json, path: str = "") -> set[str]:
    inner = values if "properties" in schema else {}
    fields = schema.get("properties", {})
    return {path} | {
        found for name, value in inner.items() for found in _named(value, fields.get(name, {}), f"{path}.{name}")
    }


def test_the_pod_outlives_the_shutdown_timeout(helm: Helm) -> None:
    """The kubelet kills later than the controller gives up by itself."""
    for timeout in (20, 90.5):
        pod = find(helm.template({"settings": {"shutdownTimeout": timeout}}), "StatefulSet")["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > timeout + 10


def test_probes_and_service_follow_the_address(helm: Helm) -> None:
    """Who moves the port by a setting need not say it twice."""
    objects = helm.template({"settings": {"listen": "[::]:9999"}})
    found = container(find(objects, "StatefulSet"))
    assert found["ports"] == [{"name": "http", "containerPort": 9999}]
    assert found["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert found["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert find(objects, "Service")["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]


def test_a_changed_setting_restarts_the_pod(helm: Helm) -> None:
    """An environment is read once: the Pod's template changes with the settings."""

    def template(values: Json) -> Json:
        found: Json = find(helm.template(values), "StatefulSet")["spec"]["template"]
        return found

    assert template({}) == template({})
    assert template({}) != template({"settings": {"workers": 21}})


def test_the_migration_comes_first_and_alone_sees_the_owner(helm: Helm) -> None:
    """The Job runs before install and upgrade, on nothing but the Secret; the controller never gets its login."""
    objects = helm.template()
    job = find(objects, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    assert "envFrom" not in pod["containers"][0]
    assert "ownerUrl" in str(pod)
    assert "ownerUrl" not in str(find(objects, "StatefulSet"))
    assert not [body for body in helm.template({"migration": {"enabled": False}}) if body["kind"] == "Job"]


def test_the_migration_gets_the_urls_of_the_logins_it_makes(helm: Helm) -> None:
    """The reader's only where the Secret has one; none where logins are made by hand."""

    def given(values: Json, secret: Json) -> dict[str, str]:
        """URLs beside the owner's."""
        objects = helm.template(values)
        job = environment(objects, container(find(objects, "Job")), secret)
        return {name: value for name, value in job.items() if name.startswith("SHIPSLOG_CLI_")}

    three = DATABASE | {"readerUrl": "postgresql://auditor@db/ledger"}
    writer = {"SHIPSLOG_CLI_WRITER_URL": DATABASE["url"]}
    assert given({}, DATABASE) == writer
    assert given({}, three) == writer | {"SHIPSLOG_CLI_READER_URL": three["readerUrl"]}
    assert given({"database": {"keys": {"reader": "auditor"}}}, three) == writer
    assert given({"database": {"createLogins": False}}, three) == {}
    assert "readerUrl" not in str(find(helm.template(), "StatefulSet"))


def test_definitions_come_along_and_are_kept(helm: Helm) -> None:
    """Templates, since Helm never upgrades a chart's crds/; kept, since with them all objects of their kinds go."""
    found = [body for body in helm.template() if body["kind"] == "CustomResourceDefinition"]
    assert [body["spec"] for body in found] == [crd["spec"] for crd in sorted(crds(), key=_name)]
    assert all(body["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for body in found)
    loose = [body for body in helm.template({"crds": {"keep": False}}) if body["kind"] == "CustomResourceDefinition"]
    assert len(loose) == 3
    assert all("annotations" not in body["metadata"] for body in loose)
    assert "CustomResourceDefinition" not in {body["kind"] for body in helm.template({"crds": {"install": False}})}


def test_every_object_carries_labels_and_namespace(helm: Helm) -> None:
    """All that belongs to a release is found by label, and lands in the release's namespace."""
    everything = {
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "commonLabels": {"team": "platform"},
    }
    for body in helm.template(everything):
        labels = body["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "shipslog"
        assert labels["team"] == "platform"
        scoped = not body["kind"].startswith(("Cluster", "CustomResource"))
        assert (body["metadata"].get("namespace") == NAMESPACE) is scoped


def test_a_pod_without_a_volume_still_has_somewhere_to_write(helm: Helm) -> None:
    """Without persistence the same path is an emptyDir: the root filesystem is read-only."""
    for values, claims in (({}, 1), ({"persistence": {"enabled": False}}, 0)):
        spec = find(helm.template(values), "StatefulSet")["spec"]
        assert len(spec.get("volumeClaimTemplates", [])) == claims
        pod = spec["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]} | ({"data"} if claims else set())
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == volumes == {"data", "tmp"}


def test_alert_rules_and_dashboards_travel_unchanged(helm: Helm) -> None:
    """Their own templates ({{ $labels.name }}) are Prometheus' and Grafana's, not Helm's."""
    objects = helm.template({"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}})
    rule = find(objects, "PrometheusRule")
    assert any("{{ $labels." in alert["annotations"]["summary"] for alert in rule["spec"]["groups"][0]["rules"])
    [board] = [body for body in objects if "dashboard" in body["metadata"]["name"] and body["kind"] == "ConfigMap"]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("base", ["https://wiki.example.com/shipslog", "https://wiki.example.com/shipslog/"])
def test_alerts_link_to_runbooks_where_their_readers_find_them(helm: Helm, base: str) -> None:
    """A path of the repository is no address for who is called at night."""
    rule = find(helm.template({"prometheusRule": {"enabled": True, "runbookBaseUrl": base}}), "PrometheusRule")
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]

    assert {alert["annotations"]["runbook_url"] for alert in alerts} == {
        f"https://wiki.example.com/shipslog/{alert['alert']}.md" for alert in alerts
    }


def test_names_of_two_releases_never_meet(helm: Helm) -> None:
    """Two releases side by side share no object but the definitions."""
    second = {"crds": {"install": False}}
    ours = {(body["kind"], body["metadata"]["name"]) for body in helm.template()}
    theirs = {(body["kind"], body["metadata"]["name"]) for body in helm.template(second, release="east")}
    assert ours & theirs == set()


@pytest.mark.parametrize("release", ["a", "a" * 53])
def test_names_fit_whatever_the_release_is_called(helm: Helm, release: str) -> None:
    """Names and labels stay within 63 characters, also where Kubernetes adds to them."""
    for body in helm.template(release=release):
        assert len(body["metadata"]["name"]) <= (253 if body["kind"].startswith("Cluster") else 63)
        assert all(len(value) <= 63 for value in body["metadata"]["labels"].values())
    # A StatefulSet's controller-revision-hash is its name and ten digits more.
    assert len(find(helm.template(release=release), "StatefulSet")["metadata"]["name"]) <= 52


def _name(crd: Json) -> str:
    return str(crd["metadata"]["name"])
