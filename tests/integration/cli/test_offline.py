"""What needs no cluster, through the real render engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.cli import documents, yaml
from controller.cli.engine import engine

if TYPE_CHECKING:
    from tests.integration.cli.shell import Shell

TOOLS = Path(__file__).resolve().parents[3] / ".tools" / "bin"
POD = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: team}
spec: {restartPolicy: Always}
status:
  phase: Running
  conditions: [{type: Ready, status: "%s"}]
  containerStatuses: [{name: web, ready: true}]
"""


def test_health_judges_every_object_of_a_stream(shell: Shell, tmp_path: Path) -> None:
    """The array has the fields that scripts rely on; duplicates, status and lists are taken as they are."""
    text = POD % "True" + "---\n" + POD % "False" + "---\napiVersion: v1\nkind: List\nitems:\n" + indented(POD % "True")
    (tmp_path / "live.yaml").write_text(text)

    said = shell("health", "-f", str(tmp_path / "live.yaml"), "--output", "json")

    assert said.code == 0, said.err
    first, second, third = said.json
    assert (
        first
        == third
        == {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": "team",
            "name": "web",
            "health": "Healthy",
            "message": "1 of 1 containers are ready.",
        }
    )
    assert second["health"] == "Progressing"
    assert shell("health", "-f", "-", "--exit-code", stdin=text).code == 1
    assert shell("health", "-f", "-", "--exit-code", stdin=POD % "True").code == 0


def indented(text: str) -> str:
    """As an item of a sequence."""
    first, *rest = text.splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        POD % "True",
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}),
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}) * 2,
        json.dumps([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}]),
        "{apiVersion: v1, kind: Pod, metadata: {name: web}}",
        "\ufeff" + POD % "True",
        "# a comment\n---\n" + (POD % "True").replace("\n", "\r\n"),
        json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "web"}}]}),
    ],
)
def test_health_reads_what_kubectl_prints(shell: Shell, text: str) -> None:
    """YAML and JSON, single objects, streams, arrays and lists."""
    said = shell("health", "-f", "-", "-o", "json", stdin=text)

    assert said.code == 0, said.err
    assert {(one["kind"], one["name"]) for one in said.json} == {("Pod", "web")}


BOMB = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("kind: A\n---\nkind: B\na: 1\na: 2\n", 5, 'key "a" stands twice'),
        ("a: [1\n", 0, "YAML"),
        ("kind: A\n---\n\n\na: 1\n\tb: 2\n", 6, "tab"),
        ("kind: A\n---\njust text\n", 0, "a Kubernetes object is expected"),
        (BOMB, 0, ""),
    ],
)
def test_what_can_not_be_read_is_named_by_file_and_line(shell: Shell, text: str, line: int, words: str) -> None:
    """The user's own line, also in a later document; a bomb is refused, not carried out."""
    said = shell("health", "-f", "-", stdin=text)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: standard input:" + (f"{line}: " if line else ""))
    assert words in said.err
    assert len(said.err.splitlines()) == 1


def test_bytes_that_are_no_text_are_refused(shell: Shell) -> None:
    """In one line."""
    said = shell("health", "-f", "-", stdin=b"kind: \xff\xfe\n")

    assert (said.code, said.err) == (2, "error: standard input: not UTF-8 at byte 6\n")


WORDS = (
    "yes No ON y n ~ null 1e3 010 0o14 0x1F 0b11 1_000 .5 1. +1 -0 12:30 2020-01-01 2020-01-01T00:00:00Z .inf .nan = <<"
    " *a &a !a | > %a @a `a 'a' \"a\" \\n --- ... { [ a]"
)
LINES = (
    "",
    " ",
    "a b",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "a\n",
    "a\nb\n",
    "a\nb",
    "\na",
    "a\n\nb\n\n",
    " a\nb\n",
    "a \nb\n",
)
SIGNS = ("a\tb\n\tc\n", "\x00", "\x7f", "\x85", "\u2028", "\ufeff", "\ud7ff", "\ufffd", "🚢", "a\n---\nb\n", "#a\nb\n")
ODD: tuple[Any, ...] = (*WORDS.split(), *LINES, *SIGNS)
VALUES: tuple[Any, ...] = (1, -5, 1.5, 1e30, True, None, [], {})


async def test_our_yaml_means_the_same_to_the_reader_of_kubectl() -> None:
    """Whatever text stands as a value, as a key or in a list comes back as it was."""
    bodies = [{"apiVersion": "v1", "kind": "Odd", "value": odd, odd: [odd, {odd: [[odd]]}]} for odd in ODD]
    bodies += [{"apiVersion": "v1", "kind": "Odd", "value": value} for value in VALUES]

    async with engine("") as renderer:
        read = await documents.read("odd", yaml.dump_all(bodies).encode(), renderer)

    assert read == bodies


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """The chart of `helm create`."""
    subprocess.run([str(TOOLS / "helm"), "create", "shop"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "shop"


def test_render_prints_what_helm_prints(shell: Shell, chart: Path, tmp_path: Path) -> None:
    """The same objects for the same release, namespace and values."""
    (tmp_path / "values.yaml").write_text("replicaCount: 3\nimage: {tag: '1.10'}\n")
    values = str(tmp_path / "values.yaml")
    given = [str(chart), "-n", "team", "-f", values, "--set-json", "replicaCount=4"]
    helm = subprocess.run([str(TOOLS / "helm"), "template", "web", *given], capture_output=True, check=True).stdout

    said = shell("render", *given, "--release", "web", "-o", "json")

    assert said.code == 0, said.err
    expected = shell("health", "-f", "-", "-o", "json", stdin=helm).json
    assert sorted((one["kind"], one["metadata"]["name"]) for one in said.json) == sorted(
        (one["kind"], one["name"]) for one in expected
    )
    (deployment,) = [one for one in said.json if one["kind"] == "Deployment"]
    assert deployment["spec"]["replicas"] == 4
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.10")
    without = shell("render", str(chart), "--skip-hooks", "-o", "json").json
    assert "Pod" not in {one["kind"] for one in without}


def test_render_follows_a_kustomization_to_its_base(shell: Shell, tmp_path: Path) -> None:
    """Also outside a checkout; the table says where each object comes from."""
    files = {
        "base/kustomization.yaml": "resources: [config.yaml]\n",
        "base/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {on: 'yes', mode: '010'}\n",
        "overlays/prod/kustomization.yaml": "resources: [../../base]\nnamePrefix: prod-\nnamespace: prod\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    overlay = str(tmp_path / "overlays" / "prod")

    (rendered,) = shell("render", overlay, "--output", "json").json

    assert rendered["metadata"] == {"name": "prod-a", "namespace": "prod"}
    assert rendered["data"] == {"on": "yes", "mode": "010"}
    assert shell("render", overlay, "-o", "table").out.splitlines()[1].split()[:3] == ["ConfigMap", "prod", "prod-a"]
    again = shell("health", "-f", "-", "-o", "json", stdin=shell("render", overlay).out)
    assert again.json[0]["name"] == "prod-a"
    outside = shell("render", overlay, "--root", overlay)
    assert outside.code == 2
    assert outside.err.startswith("error: ")


def test_render_names_the_file_that_is_wrong(shell: Shell, tmp_path: Path) -> None:
    """As the user finds it from where they stand, with its line."""
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n")

    said = shell("render", str(tmp_path))

    assert said.code == 2
    assert "a.yaml:5: " in said.err
    assert len(said.err.splitlines()) == 1


def test_without_an_engine_the_remedy_is_said(shell: Shell, tmp_path: Path) -> None:
    """Exit code 3: nothing is wrong with the input."""
    said = shell("render", str(tmp_path), SHIPSLOG_ENGINE="/nonexistent")

    assert said.code == 3
    assert "make setup" in said.err


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    """`shipslog crds | head` ends without a word."""
    with subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" -m controller crds | head -1', sys.executable],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=shell.environment(),
    ) as process:
        out, err = process.communicate(timeout=60)

    assert (out, err) == (b"apiVersion: apiextensions.k8s.io/v1\n", b"")


def test_definitions_are_printed_for_kubectl(shell: Shell) -> None:
    """A stream of three, equal to what JSON says."""
    printed: Any = shell("crds", "-o", "json").json
    names = [one["metadata"]["name"] for one in printed]

    assert names == ["applications.shipslog.dev", "repositories.shipslog.dev", "clusters.shipslog.dev"]
    assert [one["name"] for one in shell("health", "-f", "-", "-o", "json", stdin=shell("crds").out).json] == names


CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize("kustomization", [None, "resources: [a.yaml]\n"])
def test_an_object_that_stands_twice_in_one_file_is_said_so(
    kustomization: str | None, shell: Shell, tmp_path: Path
) -> None:
    """The file is named once, as the user finds it, whichever way it is rendered."""
    (tmp_path / "a.yaml").write_text(f"{CONFIGMAP}---\n{CONFIGMAP}")
    if kustomization:
        (tmp_path / "kustomization.yaml").write_text(kustomization)

    said = shell("render", str(tmp_path))

    assert said.code == 2
    assert f"stands twice in {os.path.relpath(tmp_path / 'a.yaml')} (rename" in said.err


def test_a_chart_that_includes_itself_is_refused_in_a_short_line(shell: Shell, tmp_path: Path) -> None:
    """A thousand times the same cause is told once."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: loop\nversion: 0.1.0\n")
    (tmp_path / "templates" / "a.yaml").write_text(
        '{{ define "a" }}{{ include "a" . }}{{ end }}a: {{ include "a" . }}\n'
    )

    said = shell("render", str(tmp_path))

    assert said.code == 2
    assert len(said.err) < 1200
    assert "times): " in said.err


@pytest.mark.parametrize(("form", "out"), [("yaml", ""), ("json", "[]\n"), ("table", "")])
def test_a_directory_without_objects_is_said_so(form: str, out: str, shell: Shell, tmp_path: Path) -> None:
    """On standard error: a pipe gets what it can read."""
    said = shell("render", str(tmp_path), "-o", form)

    assert (said.code, said.out, said.err) == (0, out, "The directory holds no objects.\n")
