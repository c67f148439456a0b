"""The real Helm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "helm" / "shipslog"
BINARY = ROOT / ".tools" / "bin" / "helm"
NAMESPACE = "shipslog-system"
DATABASE = {"url": "postgresql://writer@db/ledger", "ownerUrl": "postgresql://owner@db/ledger"}
"""Content of the Secret of the ledger's URLs."""


class HelmFailed(Exception):
    """Helm exited with an error, whose text this is."""


class Helm:
    """Helm with a home of its own, for one cluster or none."""

    def __init__(self, home: Path, kubeconfig: Path | None = None, chart: Path = CHART) -> None:
        if not BINARY.exists():
            raise FileNotFoundError(f"no {BINARY}: run tests/tools/build.sh {BINARY.parent}")
        self._chart = chart
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            # Without a cluster: a kubeconfig that is not there, lest one of the user's is found.
            "KUBECONFIG": str(kubeconfig or home / "no-cluster"),
            **{f"HELM_{what}_HOME": str(home / what.lower()) for what in ("CACHE", "CONFIG", "DATA")},
        }

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run it for its standard output; raises HelmFailed."""
        done = subprocess.run(
            [str(BINARY), *arguments],
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise HelmFailed(done.stderr + done.stdout)
        return done.stdout

    def lint(self, values: Json | None = None) -> str:
        """Lint the chart; warnings are errors."""
        return self.run("lint", "--strict", str(self._chart), "--values", "-", stdin=json.dumps(values or {}))

    def template(self, values: Json | None = None, *, release: str = "shipslog") -> list[Json]:
        """The objects that an install would create."""
        text = self._with_chart("template", release, values)
        return [document for document in yaml.safe_load_all(text) if document]

    def install(self, values: Json | None = None, *, release: str = "shipslog") -> str:
        """Install and wait until all is ready; gives what Helm says."""
        return self._with_chart("install", release, values, "--wait", "--timeout", "60s")

    def upgrade(self, values: Json | None = None, *, release: str = "shipslog") -> str:
        """Upgrade and wait until all is ready."""
        return self._with_chart("upgrade", release, values, "--wait", "--timeout", "60s")

    def uninstall(self, release: str = "shipslog") -> str:
        """Uninstall and wait until all is gone."""
        return self.run("uninstall", release, "--namespace", NAMESPACE, "--wait", "--timeout", "60s")

    def _with_chart(self, command: str, release: str, values: Json | None, *more: str) -> str:
        arguments = [command, release, str(self._chart), "--namespace", NAMESPACE, "--values", "-", *more]
        return self.run(*arguments, stdin=json.dumps(values or {}))


def find(objects: list[Json], kind: str, name: str = "") -> Json:
    """The only object of a kind (and name)."""
    found = [body for body in objects if body["kind"] == kind and name in {"", body["metadata"]["name"]}]
    assert len(found) == 1, f"{len(found)} objects of kind {kind} {name}"
    return found[0]


def container(workload: Json) -> Json:
    """The only container of a StatefulSet or Job."""
    [found] = workload["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(objects: list[Json], container: Json, database: Mapping[str, str] = DATABASE) -> dict[str, str]:
    """The environment of a container, with what a kubelet would put in; `database` is the Secret's content."""
    given: dict[str, str] = {}
    for source in container.get("envFrom", []):
        given |= find(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return given | {entry["name"]: _value(entry, database) for entry in container["env"] if _is_there(entry, database)}


def _is_there(entry: dict[str, Any], database: Mapping[str, str]) -> bool:
    """Whether a kubelet sets it: a key of a Secret may be optional."""
    reference = entry.get("valueFrom", {}).get("secretKeyRef", {})
    return not reference.get("optional") or reference["key"] in database


def _value(entry: dict[str, Any], database: Mapping[str, str]) -> str:
    if "value" in entry:
        return str(entry["value"])
    [(source, reference)] = entry["valueFrom"].items()
    if source == "secretKeyRef":
        return database[reference["key"]]
    return {"metadata.namespace": NAMESPACE, "metadata.name": "shipslog-0"}[reference["fieldPath"]]
