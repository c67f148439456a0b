"""What docs/how-to/clusters.md says to write and to run does what it says, by the real kubectl."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

from docs.generator.artifacts import ROOT
from tests.controlplane import ControlPlane
from tests.ground.eventually import eventually
from tests.ground.installation import TOOLS
from tests.ground.objects import Objects

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

PAGE = (ROOT / "docs" / "how-to" / "clusters.md").read_text(encoding="utf-8")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {version: '%s'}\n"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def _kubeconfig(path: Path, here: str, there: str) -> Path:
    """The administrator's own: the home cluster, and one named prod-eu."""
    merged = json.loads(here)
    for part in ("clusters", "users", "contexts"):
        entries = json.loads(there)[part]
        for entry in entries:
            entry["name"] = "prod-eu"
        merged[part] += entries
    merged["contexts"][-1]["context"] = {"cluster": "prod-eu", "user": "prod-eu"}
    path.write_text(json.dumps(merged), encoding="utf-8")
    return path


def test_the_page_connects_a_cluster(
    world: World, controller: ControllerProcess, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its blocks run as they stand, in the order of the page; then an Application goes there, and the token rotates."""
    del controller
    over_there = ControlPlane.start("prod-eu", tmp_path_factory.mktemp("planes"), binaries=TOOLS)
    try:
        texts = [path.read_text(encoding="utf-8") for path in (world.plane.kubeconfig, over_there.kubeconfig)]
        environment = {
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "KUBECONFIG": str(_kubeconfig(tmp_path / "kubeconfig", *texts)),
        }

        def run(script: str) -> str:
            command = ["bash", "-euo", "pipefail", "-c", script]
            done = subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        login, kubeconfig, listing, rotation = _blocks("sh")
        (cluster,) = _blocks("yaml")
        (table,) = _blocks("text")
        run(login)
        there = Objects(over_there.admin)
        eventually(lambda: _token(there), "the token is made")
        run(kubeconfig.replace("rm prod-eu.kubeconfig", "true"))
        run(f"kubectl apply -f - <<'END'\n{cluster}END\n")
        eventually(lambda: "True" in run(listing), "the Cluster is ready")
        assert run(listing).splitlines()[0].split() == table.splitlines()[0].split()

        there.namespace("shop")
        world.repository().publish({"a.yaml": MAP % "1"}, "first")
        world.application("shop", destination={"namespace": "shop", "cluster": "prod-eu"})
        world.await_ready("shop")
        before = _resource_version(world)
        (tmp_path / "prod-eu.kubeconfig").write_text(texts[1], encoding="utf-8")  # another login
        run(rotation)
        eventually(lambda: _resource_version(world) != before, "the Secret holds the new kubeconfig")
        there.delete("v1", "ServiceAccount", "shipslog", "shipslog")
        there.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
        eventually(lambda: _version(there) == "1", "drift is healed with the new login", seconds=60)
        assert world.condition("shop", "Ready")["status"] == "True"
    finally:
        over_there.stop()


def _token(there: Objects) -> bool:
    found = there.get("v1", "Secret", "shipslog", "shipslog-token") or {}
    return bool(found.get("data", {}).get("token"))


def _resource_version(world: World) -> str:
    found = world.objects.get("v1", "Secret", "team-pay", "prod-eu-kubeconfig")
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


def _version(there: Objects) -> str:
    found = there.get("v1", "ConfigMap", "shop", "settings")
    return str(found["data"]["version"]) if found else ""
