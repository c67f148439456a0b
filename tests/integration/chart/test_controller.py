"""The real controller as the chart's Pod would run it: its rights and its settings must do."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.controlplane.admin import ApiError
from tests.ground.git_repository import BareRepository
from tests.ground.ports import free_ports
from tests.ground.postgres import PostgresServer
from tests.integration.chart.pod import Kubelet

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from controller.model.base import Json
    from tests.controlplane import ControlPlane
    from tests.controlplane.admin import Admin
    from tests.integration.chart.helm import Helm

WRITER, READER = "shipslog_controller", "shipslog_auditor"
OURS = "/apis/shipslog.dev/v1alpha1/namespaces/team-pay"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {colour: blue}\n"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server for these tests."""
    server = PostgresServer.start(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def ledger(postgres: PostgresServer) -> Iterator[dict[str, str]]:
    """The content of the database's Secret: an empty database's owner, and logins that nobody has made yet."""
    owner = postgres.create_database("chart")
    yield {"url": postgres.dsn("chart", WRITER), "ownerUrl": owner, "readerUrl": postgres.dsn("chart", READER)}
    postgres.drop("chart")
    postgres.execute(f"DROP ROLE IF EXISTS {WRITER}; DROP ROLE IF EXISTS {READER}")


@pytest.fixture
def values(kubelet: Kubelet, tmp_path: Path) -> Json:
    """Values of an installation that may apply ConfigMaps and nothing else."""
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    }
    port = free_ports(1)[0]
    return {
        # A Pod has an address of its own; this machine's are not for our tests to take.
        "extraEnv": [{"name": "SHIPSLOG_LISTEN", "value": f"127.0.0.1:{port}"}],
        "rbac": {"clusterAdmin": False, "rules": [rule]},
        "settings": {
            "serviceaccountDir": str(kubelet.directory / "serviceaccount"),
            "spoolDir": str(tmp_path / "spool"),
            "mirrorDir": str(tmp_path / "mirrors"),
            "listen": f":{port}",
            "allowFileUrls": True,
        },
    }


@pytest.fixture
def kubelet(plane: ControlPlane, tmp_path: Path, ledger: dict[str, str]) -> Kubelet:
    """Runs the chart's containers."""
    return Kubelet(plane, tmp_path, ledger)


@pytest.fixture
def installed(helm: Helm, kubelet: Kubelet, values: Json, database: Json) -> list[Json]:
    """The chart's objects, installed; ledger and logins are made by the chart's own Job, and nothing by hand."""
    del database
    helm.install(values)
    kubelet.account()
    objects = helm.template(values)
    kubelet.migrate(objects)
    return objects


@pytest.fixture
def controller(kubelet: Kubelet, installed: list[Json]) -> Iterator[subprocess.Popen[bytes]]:
    """The controller, started; stopped afterwards if it still runs."""
    process = kubelet.start(installed)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


@pytest.fixture
def shop(installed: list[Json], admin: Admin, tmp_path: Path) -> None:
    """A repository with a ConfigMap, and an Application that wants it."""
    del installed  # our kinds are there
    bare = BareRepository.create(tmp_path / "shop.git", "")
    bare.worktree(tmp_path / "work").publish({"shop/config.yaml": CONFIG_MAP}, "Blue")
    for name in ("team-pay", "shop"):
        admin.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    head = {"apiVersion": "shipslog.dev/v1alpha1", "metadata": {"name": "shop"}}
    admin.create(f"{OURS}/repositories", head | {"kind": "Repository", "spec": {"url": bare.file_url}})
    spec = {"source": {"repository": "shop", "path": "shop"}, "destination": {"namespace": "shop"}}
    admin.create(f"{OURS}/applications", head | {"kind": "Application", "spec": spec})


def eventually(kubelet: Kubelet, what: str, condition: Callable[[], object]) -> None:
    """Poll until it holds; what the controller logged is the explanation when it does not."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except (ApiError, OSError):
            pass  # not yet
        if time.monotonic() > deadline:
            pytest.fail(f"waited 60 s for {what}; the controller said:\n{kubelet.log.read_text()[-4000:]}")
        time.sleep(0.1)


def answers(values: Json, path: str) -> bool:
    """Whether a probe of the kubelet's would succeed."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1{values['settings']['listen']}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False


@pytest.mark.usefixtures("controller", "shop")
def test_an_application_becomes_live_with_the_charts_rights(kubelet: Kubelet, admin: Admin, values: Json) -> None:
    """From install to a live object: probes answer, the object is applied, the status and an Event are written."""
    eventually(kubelet, "readiness", lambda: answers(values, "/readyz") and answers(values, "/healthz"))
    live = "/api/v1/namespaces/shop/configmaps/shop"
    eventually(kubelet, "the ConfigMap", lambda: admin.get(live)["data"] == {"colour": "blue"})

    def conditions() -> dict[str, str]:
        status = admin.get(f"{OURS}/applications/shop").get("status", {})
        return {condition["type"]: condition["status"] for condition in status.get("conditions", [])}

    eventually(kubelet, "Ready", lambda: conditions().get("Ready") == "True")
    eventually(kubelet, "an Event", lambda: admin.get("/api/v1/namespaces/team-pay/events")["items"])
    admin.delete(f"{OURS}/applications/shop")
    eventually(kubelet, "the Application to go", lambda: not admin.get(f"{OURS}/applications")["items"])
    assert not [c for c in admin.get("/api/v1/namespaces/shop/configmaps")["items"] if c["metadata"]["name"] == "shop"]
    assert "forbidden" not in kubelet.log.read_text().lower()


@pytest.mark.usefixtures("shop")
def test_the_pod_ends_within_its_grace_period(
    kubelet: Kubelet, controller: subprocess.Popen[bytes], values: Json, installed: list[Json]
) -> None:
    """SIGTERM ends it with exit code 0, before a kubelet would kill it."""
    eventually(kubelet, "readiness", lambda: answers(values, "/readyz"))
    grace = next(body for body in installed if body["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    controller.send_signal(signal.SIGTERM)
    assert controller.wait(grace["terminationGracePeriodSeconds"]) == 0


def test_the_doctor_finds_nothing_wrong_in_the_pod(kubelet: Kubelet, installed: list[Json]) -> None:
    """What NOTES.txt tells people to run says that the chart has given all that is needed."""
    done = kubelet.run(installed, "doctor", "--output", "json")
    findings = {(one["check"], one["status"]): one["message"] for one in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert not [check for check, status in findings if status == "fail"]
    assert findings["crds", "ok"]
    assert findings["database", "ok"]
    assert findings["permissions", "ok"]
