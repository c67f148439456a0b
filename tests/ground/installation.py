"""The chart installed by the real Helm, and what its Pod would be given: command, environment, token."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from tests.controlplane import GivenCluster, token

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.controlplane import Plane
    from tests.ground.objects import Objects

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "shipslog"
TOOLS = ROOT / ".tools" / "bin"
NAMESPACE = "shipslog-system"
SECRET = "shipslog-database"
VALUES: dict[str, Any] = {"persistence": {"enabled": False}}
"""The control plane has no storage: the spool is where the process that stands in for the Pod keeps it."""


def install(plane: Plane, objects: Objects, urls: dict[str, str], home: Path, values: Json | None = None) -> str:
    """Install the chart and wait until all is ready; gives what Helm says. Raises CalledProcessError."""
    objects.namespace(NAMESPACE)
    objects.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": NAMESPACE},
            "stringData": urls,
        }
    )
    arguments = ["install", "shipslog", str(CHART), "-n", NAMESPACE, "-f", "-"]
    given = VALUES | (values or {})
    if isinstance(plane, GivenCluster):
        # Its kubelets can't pull an image that is published nowhere: neither Job nor Pod would come to an end.
        given |= {"migration": {"enabled": False}}
    else:
        arguments += ["--wait", "--timeout", "60s"]
    return helm(plane, home, *arguments, stdin=json.dumps(given))


def helm(plane: Plane | None, home: Path, *arguments: str, stdin: str = "") -> str:
    """Run Helm for a cluster (or for none), with a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [str(TOOLS / "helm"), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(plane.kubeconfig if plane else "")},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def migration_environment(urls: dict[str, str], home: Path) -> dict[str, str]:
    """What the kubelet would give the chart's migration Job, which runs `shipslog migrate`. Needs no cluster."""
    arguments = ["template", "shipslog", str(CHART), "-n", NAMESPACE, "-s", "templates/migration.yaml"]
    job = yaml.safe_load(helm(None, home, *arguments))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert (container["command"], container["args"]) == (["shipslog"], ["migrate"])
    return {entry["name"]: _value(entry, urls) for entry in container["env"] if _is_there(entry, urls)}


def pod_environment(
    plane: Plane, objects: Objects, urls: dict[str, str], directory: Path, *, seconds: int = 3600
) -> dict[str, str]:
    """What the kubelet would give the chart's Pod: settings, database, its token in a directory.

    Nobody renews the token: it is good for so many seconds.
    """
    stateful = objects.get("apps/v1", "StatefulSet", NAMESPACE, "shipslog")
    assert stateful is not None, "the chart is not installed"
    spec = stateful["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["command"], container["args"]) == (["shipslog"], ["controller"])
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        settings = objects.get("v1", "ConfigMap", NAMESPACE, source["configMapRef"]["name"])
        assert settings is not None
        environment |= settings["data"]
    for entry in container["env"]:
        environment[entry["name"]] = _value(entry, urls)
    bearer = token(plane, NAMESPACE, spec["serviceAccountName"], seconds=seconds)
    _mount_token(plane, bearer, directory)
    place = urlsplit(plane.url)
    return environment | {
        "SHIPSLOG_SERVICEACCOUNT_DIR": str(directory),
        "KUBERNETES_SERVICE_HOST": str(place.hostname),
        "KUBERNETES_SERVICE_PORT": str(place.port),
    }


def _mount_token(plane: Plane, bearer: str, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (directory / "token").write_text(bearer, encoding="utf-8")
    (directory / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    (directory / "namespace").write_text(NAMESPACE, encoding="utf-8")


def _is_there(entry: dict[str, Any], urls: dict[str, str]) -> bool:
    """Whether the kubelet sets it: a key of the Secret may be optional."""
    reference = entry.get("valueFrom", {}).get("secretKeyRef", {})
    return not reference.get("optional") or reference["key"] in urls


def _value(entry: dict[str, Any], urls: dict[str, str]) -> str:
    if "value" in entry:
        return str(entry["value"])
    [(source, reference)] = entry["valueFrom"].items()
    if source == "secretKeyRef":
        return urls[reference["key"]]
    return {"metadata.namespace": NAMESPACE, "metadata.name": "shipslog-0"}[reference["fieldPath"]]
