"""`shipslog render` with the options of an Application, from flags and from its file."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.cli.shell import Shell
from tests.integration.render.command import BIN

if TYPE_CHECKING:
    from pathlib import Path

CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
    "chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    "data: {values: {{ .Values | toJson | quote }}}\n",
    "chart/templates/t.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
    "motto.txt": "one, two\n",
}
SHOP = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.0", args: ["--host=${host}"]}]}
""",
    "prod/kustomization.yaml": "resources: [../base]\n",
    "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: part-\n",
}
APPLICATION = """\
apiVersion: shipslog.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: team-pay}
spec:
  source:
    repository: shop-config
    path: prod
    kustomize:
      images: [{name: nginx, newTag: "2.0"}]
      namespace: shop
    postBuild:
      substitute: {host: shop.example.com}
      substituteFrom: [{kind: Secret, name: more}]
  destination: {namespace: shop}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A command line without any cluster."""
    return Shell(tmp_path, {})


def write(directory: Path, files: dict[str, str]) -> None:
    """Write files below a directory."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def test_single_values_are_those_of_helm(shell: Shell, tmp_path: Path) -> None:
    """--set, --set-string, --set-file and --skip-tests print what helm's flags of the same name print."""
    write(tmp_path, CHART)
    chart = str(tmp_path / "chart")
    flags = ["--set", "a.b=5", "--set-string", "c=true", "--set-file", f"d={tmp_path}/motto.txt", "--skip-tests"]
    helm = subprocess.run([str(BIN / "helm"), "template", "x", chart, *flags], capture_output=True, check=True).stdout
    expected = shell("render", "-o", "json", _directory(tmp_path / "printed", helm.decode())).json

    said = shell("render", chart, "-o", "json", *flags)

    assert said.code == 0, said.err
    assert said.json == expected


def test_a_kustomization_is_changed_by_flags(shell: Shell, tmp_path: Path) -> None:
    """Prefix, image, replicas, labels, annotations, components and variables."""
    write(tmp_path, SHOP)
    flags = ["--name-suffix=-x", "--image=nginx=example.com/nginx:3", "--replicas=web=4", "--label=env=prod"]
    flags += ["--annotation=team=pay", "--component=../part", "--substitute=host=a.example.com"]

    said = shell("render", str(tmp_path / "prod"), "-o", "json", "--root", str(tmp_path), *flags)

    assert said.code == 0, said.err
    (web,) = said.json
    container = web["spec"]["template"]["spec"]["containers"][0]
    assert web["metadata"] == {
        "name": "part-web-x",
        "labels": {"env": "prod"},
        "annotations": {"team": "pay"},
    }
    assert (container["image"], container["args"]) == ("example.com/nginx:3", ["--host=a.example.com"])
    assert web["spec"]["replicas"] == 4
    assert web["spec"]["selector"]["matchLabels"] == {"app": "web", "env": "prod"}


def test_an_applications_file_says_it_all(shell: Shell, tmp_path: Path) -> None:
    """What the controller would render; flags give what only the cluster knows."""
    write(tmp_path, SHOP | {"app.yaml": APPLICATION})
    given = [str(tmp_path / "prod"), "--root", str(tmp_path), "--application", str(tmp_path / "app.yaml"), "-o", "json"]

    (web,) = shell("render", *given).json
    (other,) = shell("render", *given, "--substitute", "host=other").json

    container = web["spec"]["template"]["spec"]["containers"][0]
    assert (web["metadata"]["namespace"], container["image"]) == ("shop", "nginx:2.0")
    assert container["args"] == ["--host=shop.example.com"]
    assert other["spec"]["template"]["spec"]["containers"][0]["args"] == ["--host=other"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--set", "x"], "NAME=VALUE"),
        (["--set-file", "x=/nonexistent/file"], "no such file"),
        (["--replicas", "web=many"], "is no number"),
        (["--image", "nginx"], "NAME=NEW:TAG"),
        (["--application", "prod/kustomization.yaml"], "no kind"),
        (["--component", "../../../etc"], "outside the repository"),
    ],
)
def test_a_wrong_flag_is_named(flags: list[str], says: str, shell: Shell, tmp_path: Path) -> None:
    """Exit code 2, one line, no traceback."""
    write(tmp_path, SHOP)
    flags = [flag.replace("prod/", f"{tmp_path}/prod/") for flag in flags]

    said = shell("render", str(tmp_path / "prod"), "--root", str(tmp_path), *flags)

    assert said.code == 2
    assert says in said.err
    assert "Traceback" not in said.err


def _directory(directory: Path, text: str) -> Any:
    write(directory, {"all.yaml": text})
    return str(directory)
