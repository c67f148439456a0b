"""Real control planes: they stand side by side, do what a cluster does, and can be emptied."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import (
    ControlPlane,
    ControlPlaneError,
    service_account_kubeconfig,
    token,
    user_kubeconfig,
)
from tests.controlplane.admin import Admin, ApiError
from tests.controlplane.components import Ports
from tests.ground.identity import ProcessIdentity
from tests.ground.ports import free_ports
from tests.ground.processes import AlreadyRunning
from tests.integration.ground.conftest import BINARIES, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
POD = {"containers": [{"name": "main", "image": "registry.example/main:1"}]}
WIDGETS = {
    "metadata": {"name": "widgets.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def deployment(name: str, replicas: int) -> dict[str, Any]:
    """A Deployment of Pods that match nothing else."""
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": POD},
        },
    }


def names(admin: Admin, path: str) -> set[str]:
    """The names in a list."""
    return {item["metadata"]["name"] for item in admin.get(path)["items"]}


def test_two_control_planes_stand_side_by_side_and_know_nothing_of_each_other(planes: list[ControlPlane]) -> None:
    """What is made in one is not in the other."""
    east, west = planes
    assert east.url != west.url
    east.admin.create("/api/v1/namespaces", {"metadata": {"name": "only-east"}})
    assert "only-east" in names(east.admin, "/api/v1/namespaces")
    assert "only-east" not in names(west.admin, "/api/v1/namespaces")
    east.reset()


def test_the_api_server_says_a_version_that_clients_can_parse(plane: ControlPlane) -> None:
    """Helm and kubectl read it."""
    version = plane.admin.get("/version")
    assert (version["gitVersion"], version["major"], version["minor"]) == ("v1.36.3", "1", "36")


def test_the_pods_of_a_deployment_become_ready(plane: ControlPlane) -> None:
    """Scheduler, controller manager and KWOK play their parts."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    plane.admin.create(path, deployment("web", 5))
    eventually("five ready Pods", lambda: plane.admin.get(f"{path}/web")["status"].get("readyReplicas") == 5)


def test_a_job_completes(plane: ControlPlane) -> None:
    """Its Pod succeeds by itself."""
    path = "/apis/batch/v1/namespaces/default/jobs"
    plane.admin.create(
        path, {"metadata": {"name": "once"}, "spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}}
    )
    eventually("the Job", lambda: plane.admin.get(f"{path}/once")["status"].get("succeeded") == 1)


def test_a_claim_is_bound(plane: ControlPlane) -> None:
    """The default StorageClass is served, so a StatefulSet with claims becomes ready."""
    path = "/api/v1/namespaces/default/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    plane.admin.create(path, {"metadata": {"name": "data"}, "spec": spec})
    eventually("the claim", lambda: plane.admin.get(f"{path}/data")["status"].get("phase") == "Bound")


def test_a_deleted_deployment_takes_its_pods_with_it(plane: ControlPlane) -> None:
    """Garbage collection works."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    plane.admin.create(path, deployment("gone", 2))
    eventually("Pods", lambda: len(names(plane.admin, "/api/v1/namespaces/default/pods")) == 2)
    plane.admin.delete(f"{path}/gone")
    eventually("no Pods", lambda: not names(plane.admin, "/api/v1/namespaces/default/pods"))


def test_a_deleted_namespace_goes_within_seconds(plane: ControlPlane) -> None:
    """With what is in it."""
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": "brief"}})
    plane.admin.create("/apis/apps/v1/namespaces/brief/deployments", deployment("web", 2))
    plane.admin.delete("/api/v1/namespaces/brief")
    eventually("the namespace to go", lambda: "brief" not in names(plane.admin, "/api/v1/namespaces"), 20)


def test_a_service_account_may_do_what_its_roles_say_and_no_more(plane: ControlPlane) -> None:
    """RBAC is on, and the token of a ServiceAccount is that ServiceAccount."""
    plane.admin.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "reader"}})
    plane.admin.create(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
        {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
        },
    )
    reader = Admin(plane.url, token(plane, "default", "reader"), plane.ca_file)
    # A new binding counts as soon as the authorizer's watch has brought it.
    eventually("the binding", lambda: _allowed(reader, "/api/v1/namespaces/default/configmaps"))
    with pytest.raises(ApiError) as refusal:
        reader.get("/api/v1/namespaces/default/secrets")
    assert refusal.value.status == 403


def _allowed(admin: Admin, path: str) -> bool:
    try:
        admin.get(path)
    except ApiError as error:
        if error.status == 403:
            return False
        raise
    return True


def test_a_service_accounts_kubeconfig_carries_all_that_a_client_needs(plane: ControlPlane) -> None:
    """Authority and token are embedded: the file can travel in a Secret."""
    path = service_account_kubeconfig(plane, "default", "default")
    assert path.stat().st_mode & 0o077 == 0
    content = json.loads(path.read_text(encoding="utf-8"))
    request = urllib.request.Request(  # noqa: S310 - https
        content["clusters"][0]["cluster"]["server"] + "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        data=b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}',
        headers={
            "Authorization": "Bearer " + content["users"][0]["user"]["token"],
            "Content-Type": "application/json",
        },
    )
    authority = ssl.create_default_context(cadata=_pem(content))
    with urllib.request.urlopen(request, context=authority, timeout=10) as answer:  # noqa: S310
        user = json.load(answer)["status"]["userInfo"]["username"]
    assert user == "system:serviceaccount:default:default"


def _pem(content: dict[str, Any]) -> str:
    return base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]).decode()


def test_reset_leaves_nothing_and_takes_seconds(plane: ControlPlane) -> None:
    """Also what a deletion through the API would wait for: finalizers, a webhook that is down, a CRD with objects."""
    admin = plane.admin
    before = _everything(admin)
    admin.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
    admin.create("/apis/apps/v1/namespaces/team/deployments", deployment("web", 10))
    admin.create("/apis/apps/v1/namespaces/default/deployments", deployment("web", 10))
    admin.create(
        "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    )
    admin.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "mine"}, "rules": []})
    admin.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
    widgets = "/apis/example.org/v1/namespaces/team/widgets"
    eventually("the widgets' API", lambda: _served(admin, widgets))
    stuck = {"name": "stuck", "finalizers": ["example.org/never"]}
    admin.create(widgets, {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": stuck})
    admin.create("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", _broken_webhook())
    admin.merge("/api/v1/namespaces/default", {"metadata": {"labels": {"changed": "yes"}}})

    begun = time.monotonic()
    plane.reset()
    assert time.monotonic() - begun < 5

    assert _everything(admin) == before
    assert not _served(admin, widgets)
    assert "example.org" not in {group["name"] for group in admin.get("/apis")["groups"]}
    assert "changed" not in admin.get("/api/v1/namespaces/default")["metadata"]["labels"]


def test_a_watch_that_resumes_during_a_reset_misses_nothing(plane: ControlPlane) -> None:
    """Every deletion has a resource version of its own: informers that resumed after a shared one would keep ghosts."""
    path = "/api/v1/configmaps"
    for number in range(30):
        plane.admin.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"map-{number}"}})
    before = plane.admin.get(path)["metadata"]["resourceVersion"]

    plane.reset()

    events = plane.admin.watch(path, before, 1)
    deleted = [event["object"]["metadata"] for event in events if event["type"] == "DELETED"]
    assert {f"map-{number}" for number in range(30)} <= {metadata["name"] for metadata in deleted}
    versions = [metadata["resourceVersion"] for metadata in deleted]
    assert len(set(versions)) == len(versions)


def test_many_namespaces_are_emptied_and_stay_gone(plane: ControlPlane) -> None:
    """What the cluster's controllers put into each does not come back."""
    wanted = {f"team-{number:03d}" for number in range(300)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}}), wanted))
    eventually("its ConfigMap in each", lambda: wanted <= _namespaces(plane.admin, "/api/v1/configmaps"), 60)

    plane.reset()

    assert not wanted & names(plane.admin, "/api/v1/namespaces")
    for kind in ("configmaps", "serviceaccounts"):
        assert not wanted & _namespaces(plane.admin, f"/api/v1/{kind}")


def _namespaces(admin: Admin, path: str) -> set[str]:
    return {item["metadata"]["namespace"] for item in admin.get(path)["items"]}


def test_after_a_reset_the_same_can_be_made_again(plane: ControlPlane) -> None:
    """Nothing in the servers' memory remembers what was there."""
    for _ in range(3):
        plane.admin.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        plane.admin.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
        path = "/apis/apps/v1/namespaces/team/deployments"
        plane.admin.create(path, deployment("web", 3))
        eventually("Pods", lambda p=path: plane.admin.get(f"{p}/web")["status"].get("readyReplicas") == 3)  # type: ignore[misc]
        eventually("the API", lambda: _served(plane.admin, "/apis/example.org/v1/namespaces/team/widgets"))
        plane.reset()


def _broken_webhook() -> dict[str, Any]:
    return {
        "metadata": {"name": "broken"},
        "webhooks": [
            {
                "name": "broken.example.org",
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "rules": [
                    {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["widgets", "secrets"]}
                ],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def _served(admin: Admin, path: str) -> bool:
    try:
        admin.get(path)
    except ApiError as error:
        if error.status in (404, 429, 503):
            return False
        raise
    return True


def _everything(admin: Admin) -> dict[str, set[str]]:
    paths = [
        "/api/v1/namespaces",
        "/api/v1/pods",
        "/api/v1/services",
        "/api/v1/nodes",
        "/api/v1/serviceaccounts",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/replicasets",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/networking.k8s.io/v1/ipaddresses",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    ]
    return {path: names(admin, path) for path in paths}


def test_a_missing_binary_is_said_with_the_remedy(tmp_path: Path) -> None:
    """One line: what is missing and how to build it."""
    with pytest.raises(ControlPlaneError, match=r"run tests/controlplane/build\.sh"):
        ControlPlane.start("one", tmp_path, binaries=tmp_path / "bin")


def test_a_component_that_dies_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The one who reads the error need not look for the log."""
    fake = tmp_path / "bin"
    fake.mkdir()
    script = (
        '#!/bin/sh\nif [ "$1" = service-account-key ]; then : > "$2"; exit 0; fi\necho "no room for $1" >&2; exit 7\n'
    )
    for name in ("kube", "kwok"):
        (fake / name).write_text(script, encoding="utf-8")
        (fake / name).chmod(0o755)
    with pytest.raises(ControlPlaneError, match=r"etcd exited with 7(.|\n)*no room for etcd"):
        ControlPlane.start("one", tmp_path, binaries=fake)


def test_a_lost_race_for_a_port_is_run_again_with_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between finding a port free and listening there, another process may have taken it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        picked = [Ports(taken.getsockname()[1], *free_ports(2)), Ports.pick()]
        monkeypatch.setattr(Ports, "pick", lambda: picked.pop(0))
        plane = ControlPlane.start("one", tmp_path, binaries=BINARIES)
    try:
        assert not picked
        assert plane.admin.get("/readyz") == "ok"
    finally:
        plane.stop()


def test_a_running_control_plane_is_not_started_over(planes: list[ControlPlane]) -> None:
    """Two sessions never share a directory."""
    east = planes[0]
    with pytest.raises(AlreadyRunning, match=str(east.directory)):
        ControlPlane.start("east", east.directory.parent, binaries=BINARIES)
    assert east.admin.get("/readyz") == "ok"


def test_only_the_tests_own_variable_names_a_cluster_of_the_users(tmp_path: Path) -> None:
    """An ordinary KUBECONFIG is never written to."""
    given = tmp_path / "config"
    given.touch()
    assert user_kubeconfig({"KUBECONFIG": str(given)}) is None
    assert user_kubeconfig({"SHIPSLOG_TEST_KUBECONFIG": str(given)}) == given
    with pytest.raises(FileNotFoundError, match="SHIPSLOG_TEST_KUBECONFIG"):
        user_kubeconfig({"SHIPSLOG_TEST_KUBECONFIG": str(tmp_path / "none")})


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """A root whose control plane is ended afterwards."""
    yield tmp_path
    _command("down", tmp_path)


def _command(command: str, root: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.controlplane", command, "--name", "kept", "--root", str(root)]
    argv += ["--binaries", str(BINARIES)]
    return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=100)


def test_a_control_plane_is_kept_running_by_hand(kept: Path) -> None:
    """Up prints the kubeconfig, a second up answers at once, reset empties it, down ends it."""
    first = _command("up", kept)
    assert first.returncode == 0, first.stderr
    kubeconfig = Path(first.stdout.strip())
    assert json.loads(kubeconfig.read_text(encoding="utf-8"))["current-context"] == "kept"
    begun = time.monotonic()
    assert _command("up", kept).stdout == first.stdout
    assert time.monotonic() - begun < 10  # 0.1 s on an idle machine
    plane = ControlPlane.attach("kept", kept)
    assert plane is not None
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
    assert _command("reset", kept).returncode == 0
    assert "team" not in names(plane.admin, "/api/v1/namespaces")
    assert "kube-apiserver: pid" in _command("status", kept).stdout
    pids = plane.pids.values()
    assert _command("down", kept).returncode == 0
    assert not [pid for pid in pids if ProcessIdentity.of(pid)]
    assert _command("status", kept).returncode == 3
