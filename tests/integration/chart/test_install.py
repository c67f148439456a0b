"""The chart on a real control plane, by the real Helm."""

from __future__ import annotations

import json
import shutil
import ssl
import urllib.request
from typing import TYPE_CHECKING

import pytest
import yaml

from controller.model.crds import crds
from tests.controlplane.admin import ApiError
from tests.integration.chart.helm import CHART, NAMESPACE, Helm, HelmFailed, find

if TYPE_CHECKING:
    from pathlib import Path

    from controller.model.base import Json
    from tests.controlplane import ControlPlane
    from tests.controlplane.admin import Admin

HERE = f"/namespaces/{NAMESPACE}"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APPLICATIONS = "/apis/shipslog.dev/v1alpha1/namespaces/default/applications"
APPLICATION = {
    "apiVersion": "shipslog.dev/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "shop"},
    "spec": {"source": {"repository": "shop"}, "destination": {"namespace": "shop"}},
}


def pod(admin: Admin) -> Json:
    """The controller's Pod."""
    found: Json = admin.get(f"/api/v1{HERE}/pods/shipslog-0")
    return found


def exists(admin: Admin, path: str) -> bool:
    """Whether an object is there."""
    try:
        admin.get(path)
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True


def migrations(admin: Admin) -> list[str]:
    """What became of the migration Jobs, by the events they left."""
    events = admin.get(f"/api/v1{HERE}/events?fieldSelector=involvedObject.kind=Job")["items"]
    return [event["reason"] for event in events if event["involvedObject"]["name"] == "shipslog-migrate"]


def test_an_install_migrates_first_and_ends_with_a_ready_pod(helm: Helm, admin: Admin, database: Json) -> None:
    """One command gives a running controller with its volume, its kinds and its rights, in a restricted namespace."""
    del database
    notes = helm.install()
    assert "kubectl -n shipslog-system rollout status statefulset/shipslog" in notes
    assert "WARNING" not in notes
    assert "GRANT" not in notes
    assert "Completed" in migrations(admin)
    assert {c["type"]: c["status"] for c in pod(admin)["status"]["conditions"]}["Ready"] == "True"
    assert admin.get(f"/api/v1{HERE}/persistentvolumeclaims/data-shipslog-0")["status"]["phase"] == "Bound"
    admin.create(APPLICATIONS, APPLICATION)


def test_an_install_without_the_secret_says_how_to_make_it(helm: Helm, admin: Admin) -> None:
    """Helm stops at once instead of waiting for a Job that can't start, and nothing is left behind."""
    with pytest.raises(
        HelmFailed, match=r"Secret shipslog-system/shipslog-database .* kubectl -n shipslog-system create"
    ):
        helm.install()
    assert not exists(admin, f"/apis/batch/v1{HERE}/jobs/shipslog-migrate")
    assert admin.get(DEFINITIONS)["items"] == []


def test_a_secret_without_a_key_is_named(helm: Helm, database: Json) -> None:
    """The key that is missing is named, and the value that says so."""
    del database
    with pytest.raises(HelmFailed, match=r"has no key dsn: add it, or name another in database\.keys"):
        helm.install({"database": {"keys": {"writer": "dsn"}}})


def test_an_upgrade_takes_new_settings_and_definitions_along(
    admin: Admin, database: Json, plane: ControlPlane, tmp_path: Path
) -> None:
    """A version with fewer fields is upgraded: the fields are there, and the Pod runs with the new settings."""
    del database
    old = tmp_path / "old"
    shutil.copytree(CHART, old)
    path = old / "files/crds/applications.yaml"
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["suspend"]
    path.write_text(json.dumps(crd), encoding="utf-8")
    Helm(tmp_path, plane.kubeconfig, old).install()
    before = pod(admin)["metadata"]["uid"]
    assert "suspend" not in admin.create(APPLICATIONS, APPLICATION)["spec"]

    Helm(tmp_path, plane.kubeconfig).upgrade({"settings": {"workers": 7}})
    assert admin.get(f"{APPLICATIONS}/shop")["spec"]["suspend"] is False
    assert pod(admin)["metadata"]["uid"] != before
    assert admin.get(f"/api/v1{HERE}/configmaps/shipslog")["data"]["SHIPSLOG_WORKERS"] == "7"
    assert migrations(admin).count("Completed") == 2


def test_an_upgrade_without_changes_leaves_the_pod_alone(helm: Helm, admin: Admin, database: Json) -> None:
    """Nothing in the Pod's template is different from one rendering to the next."""
    del database
    helm.install()
    before = pod(admin)["metadata"]["uid"]
    helm.upgrade()
    assert pod(admin)["metadata"]["uid"] == before


def test_an_uninstall_keeps_what_can_not_be_made_again(helm: Helm, admin: Admin, database: Json) -> None:
    """Applications, and the volume with what PostgreSQL has not confirmed, outlive the release; the rest is gone."""
    del database
    helm.install()
    admin.create(APPLICATIONS, APPLICATION)
    helm.uninstall()
    assert exists(admin, f"{APPLICATIONS}/shop")
    assert exists(admin, f"/api/v1{HERE}/persistentvolumeclaims/data-shipslog-0")
    assert not exists(admin, f"/apis/apps/v1{HERE}/statefulsets/shipslog")
    assert not exists(admin, f"/api/v1{HERE}/serviceaccounts/shipslog")
    for kind in ("clusterroles", "clusterrolebindings"):
        names = [body["metadata"]["name"] for body in admin.get(f"/apis/rbac.authorization.k8s.io/v1/{kind}")["items"]]
        assert not [name for name in names if "shipslog" in name]

    helm.install()
    assert exists(admin, f"{APPLICATIONS}/shop")


def test_an_uninstall_takes_the_definitions_where_that_was_asked_for(helm: Helm, admin: Admin, database: Json) -> None:
    """With crds.keep off nothing of ours stays in the cluster's API."""
    del database
    helm.install({"crds": {"keep": False}})
    helm.uninstall()
    assert not [body for body in admin.get(DEFINITIONS)["items"] if not body["metadata"].get("deletionTimestamp")]


def test_a_second_release_stands_beside_the_first(helm: Helm, admin: Admin, database: Json) -> None:
    """Another installation shares the definitions and nothing else."""
    del database
    helm.install()
    notes = helm.install({"crds": {"install": False}, "settings": {"installation": "east"}}, release="east")
    assert "crds.install is false" in notes
    assert exists(admin, f"/api/v1{HERE}/pods/east-shipslog-0")
    helm.uninstall("east")
    assert {crd["metadata"]["name"] for crd in admin.get(DEFINITIONS)["items"]} == {
        crd["metadata"]["name"] for crd in crds()
    }
    assert exists(admin, f"/api/v1{HERE}/pods/shipslog-0")


def test_the_notes_warn_of_what_may_be_lost(helm: Helm, database: Json) -> None:
    """Whoever chooses an emptyDir, or no rights, is told what that means."""
    del database
    notes = helm.install({"persistence": {"enabled": False}, "rbac": {"clusterAdmin": False}})
    assert "Records that PostgreSQL has not confirmed when the Pod is deleted are lost" in notes
    assert "nothing can be applied to this cluster" in notes


@pytest.mark.parametrize("values", [{"database": {"createLogins": False}}, {"migration": {"enabled": False}}], ids=str)
def test_the_notes_say_what_a_login_needs_where_the_migration_makes_none(
    helm: Helm, database: Json, values: Json
) -> None:
    """Whoever makes logins by hand is told the statement, and the Secret's key that names the login."""
    del database
    notes = helm.install(values)
    assert "Secret shipslog-database (key url) must exist and be a member of audit_writer" in notes
    assert "GRANT audit_writer TO the_login;" in notes
    assert "shipslog migrate --writer-url" in notes


@pytest.mark.parametrize("kind", ["StatefulSet", "Job"])
def test_pods_pass_the_restricted_standard(helm: Helm, plane: ControlPlane, kind: str) -> None:
    """The API server has no warning about either Pod, and has one as soon as a restriction is lifted."""
    strict = find(helm.template({"database": {"verify": False}}), kind)
    assert warnings(plane, strict) == []
    loose = find(helm.template({"securityContext": {"allowPrivilegeEscalation": True}}), kind)
    assert "allowPrivilegeEscalation != false" in str(warnings(plane, loose))


def warnings(plane: ControlPlane, body: Json) -> list[str]:
    """What the API server warns of when the object is created, as a dry run."""
    plural = {"StatefulSet": "statefulsets", "Job": "jobs"}[body["kind"]]
    request = urllib.request.Request(  # noqa: S310 - always https
        f"{plane.url}/apis/{body['apiVersion']}{HERE}/{plural}?dryRun=All&fieldValidation=Strict",
        method="POST",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {plane.admin_token}", "Content-Type": "application/json"},
    )
    tls = ssl.create_default_context(cafile=str(plane.ca_file))
    with urllib.request.urlopen(request, context=tls, timeout=30) as answer:  # noqa: S310
        return answer.headers.get_all("Warning") or []
