"""The engine renders what `helm template --include-crds` renders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from controller.render import Helm, RenderRequest
from tests.integration.render.command import FIXTURES, names, objects_of, run
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

    from controller.render import Renderer

KUBE_VERSION = "v1.36.3"


class Case(NamedTuple):
    chart: str
    value_files: tuple[str, ...] = ()
    values: dict[str, Any] | None = None
    api_versions: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    params: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        return "-".join((self.chart, *self.value_files, *(self.values or {}), *self.api_versions, *self.options))


CASES = [
    Case("web"),
    Case("web", value_files=("values-prod.yaml",)),
    Case("web", value_files=("values-prod.yaml", "values-large.yaml")),
    Case("web", value_files=("values-large.yaml",), values={"replicaCount": 3, "extraEnv": {"z": "26"}}),
    Case("umbrella"),
    Case("umbrella", values={"pages": {"enabled": True}, "tags": {"fast": False}, "global": {"domain": "x.example"}}),
    Case("umbrella", values={"database": {"enabled": False, "size": None}}),
    Case("hooks"),
    Case("hooks", options=("--skip-tests",), params={"skip_tests": True}),
    Case("definitions"),
    Case("library-user"),
    Case("capabilities"),
    Case("capabilities", api_versions=("gateway.networking.k8s.io/v1", "monitoring.coreos.com/v1/ServiceMonitor")),
    Case("schema"),
    Case("functions"),
    Case("functions", values={"template": '{{ include "x" . }}{{ define "x" }}{{ .Values.list | first }}{{ end }}'}),
    Case("layout"),
    Case("version-one"),
    Case("version-one", values={"part": {"enabled": False}}),
    Case("packaged"),
]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
async def test_objects_and_their_order_equal_those_of_helm_template(
    case: Case, renderer: Renderer, tmp_path: Path
) -> None:
    """Every object is equal to the command's, CRDs first, hooks last, in its order."""
    chart = FIXTURES / "helm" / case.chart
    inline = tmp_path / "inline.json"
    inline.write_text(json.dumps(case.values or {}))
    files = [argument for file in case.value_files for argument in ("-f", str(chart / file))]
    apis = [argument for api in case.api_versions for argument in ("--api-versions", api)]
    status, printed, complaint = await run(
        *("helm", "template", "shop", chart, "--include-crds", "-n", "prod", "--kube-version", KUBE_VERSION),
        *(*files, "-f", str(inline), *apis, *case.options),
        home=tmp_path,
    )
    assert status == 0, complaint
    expected = await objects_of(printed, renderer)

    request = RenderRequest(
        root=case.chart,
        name="shop",
        namespace="prod",
        kube_version=KUBE_VERSION,
        api_versions=case.api_versions,
        helm=Helm(value_files=case.value_files, values=case.values or {}, **(case.params or {})),
    )
    rendered = await renderer.render(MemoryTree.of(FIXTURES / "helm"), request)

    objects = [one.body for one in rendered.objects]
    assert rendered.kind == "helm"
    assert names(objects) == names(expected)
    assert objects == expected
    assert not rendered.nondeterministic
