"""Values and options of a chart equal what the flags of `helm template` make of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from controller.model.helm import FileParameter, HelmOptions, Parameter
from controller.render import Renderer, RenderError, RenderRequest
from tests.integration.render.command import names, objects_of, run
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

CHART = {
    "charts/app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
    "charts/app/values.yaml": 'list: [a, b]\nouter: {inner: chart, "a.b": 1}\nfrom: chart\n',
    "charts/app/values-prod.yaml": "from: prod\nouter: {inner: prod}\n",
    "charts/app/values.schema.json": '{"properties": {"port": {"type": "integer"}}}',
    "charts/app/files/motto.txt": "first, second\n  third: {x}\n",
    "charts/app/crds/crd.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n"
    ),
    "charts/app/templates/config.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-values}
data:
  values: {{ .Values | toJson | quote }}
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  minor: {{ .Capabilities.KubeVersion.Minor | quote }}
  monitors: {{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor" | quote }}
""",
    "charts/app/templates/test.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: check, annotations: {helm.sh/hook: test}}\n"
    ),
    "shared/eu.yaml": "from: eu\n",
    "shared/secret.txt": "s3cret\n",
}
PLAIN_VALUES = [
    "text",
    "5",
    "05",
    "1e3",
    "true",
    "null",
    "",
    "with space",
    "a,b",
    "{a,b}",
    "{}",
    "{1,two}",
    "a\\,b",
    "a=b",
    "[0]",
    "x.y",
    "9223372036854775807",
]


class Case(NamedTuple):
    options: HelmOptions
    flags: tuple[str, ...]


CASES: dict[str, Case] = {
    **{
        f"set {value!r}": Case(
            HelmOptions(parameters=(Parameter(name="outer.inner", value=value),)),
            (
                "--set",
                "outer.inner=" + (value if value.startswith("{") or "\\" in value else value.replace(",", "\\,")),
            ),
        )
        for value in PLAIN_VALUES
    },
    **{
        f"set-string {value!r}": Case(
            HelmOptions(parameters=(Parameter(name="list[1]", value=value, force_string=True),)),
            ("--set-string", f"list[1]={value}"),
        )
        for value in ("5", "true", "null", "0x1F")
    },
    "a dot in a name": Case(
        HelmOptions(parameters=(Parameter(name="outer.a\\.b", value="2"),)), ("--set", "outer.a\\.b=2")
    ),
    "null takes a value away": Case(
        HelmOptions(parameters=(Parameter(name="from", value="null"),)), ("--set", "from=null")
    ),
    "strings win over what came after them": Case(
        HelmOptions(
            parameters=(Parameter(name="from", value="1", force_string=True), Parameter(name="from", value="2"))
        ),
        ("--set-string", "from=1", "--set", "from=2"),
    ),
    "a file's content": Case(
        HelmOptions(
            parameters=(Parameter(name="outer.file", value="x"),),
            file_parameters=(
                FileParameter(name="outer.file", path="files/motto.txt"),
                FileParameter(name="token", path="../../shared/secret.txt"),
            ),
        ),
        (
            *("--set-file", "outer.file=charts/app/files/motto.txt", "--set-file", "token=shared/secret.txt"),
            *("--set", "outer.file=x"),
        ),
    ),
    "values over files in order": Case(
        HelmOptions(value_files=("values-prod.yaml", "../../shared/eu.yaml"), values={"outer": {"more": [1]}}),
        ("-f", "charts/app/values-prod.yaml", "-f", "shared/eu.yaml", "--set-json", '{"outer": {"more": [1]}}'),
    ),
    "a missing file where that is allowed": Case(
        HelmOptions(value_files=("values-none.yaml", "values-prod.yaml"), ignore_missing_value_files=True),
        ("-f", "charts/app/values-prod.yaml"),
    ),
    "parameters over values": Case(
        HelmOptions(values={"from": "inline"}, parameters=(Parameter(name="from", value="parameter"),)),
        ("--set-json", 'from="inline"', "--set", "from=parameter"),
    ),
    "release name": Case(HelmOptions(release_name="other"), ("--name-template", "other")),
    "kube version": Case(HelmOptions(kube_version="1.29"), ("--kube-version", "1.29")),
    "api versions": Case(
        HelmOptions(api_versions=("monitoring.coreos.com/v1/ServiceMonitor",)),
        ("--api-versions", "monitoring.coreos.com/v1/ServiceMonitor"),
    ),
    "no crds": Case(HelmOptions(skip_crds=True), ("--skip-crds",)),
    "no tests": Case(HelmOptions(skip_tests=True), ("--skip-tests",)),
    "no schema": Case(
        HelmOptions(values={"port": "text"}, skip_schema_validation=True),
        ("--skip-schema-validation", "--set-string", "port=text"),
    ),
}


def request_of(options: HelmOptions) -> RenderRequest:
    """As the controller asks for an Application."""
    return RenderRequest(
        root="charts/app",
        name="shop",
        namespace="prod",
        helm=options,
        kube_version=options.kube_version or "v1.36.3",
        api_versions=options.api_versions,
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_options_equal_the_flags_of_the_command(case: Case, renderer: Renderer, tmp_path: Path) -> None:
    """The same objects in the same order as from `helm template` with the flag."""
    for path, text in CHART.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    release = () if "--name-template" in case.flags else ("shop",)
    versions = () if "--kube-version" in case.flags else ("--kube-version", "v1.36.3")
    crds = () if "--skip-crds" in case.flags else ("--include-crds",)
    status, printed, complaint = await run(
        *("helm", "template", *release, "charts/app", "-n", "prod", *crds, *versions, *case.flags),
        home=tmp_path,
        cwd=tmp_path,
    )
    assert status == 0, complaint
    expected = await objects_of(printed, renderer)

    rendered = await renderer.render(MemoryTree(CHART), request_of(case.options))

    objects = [one.body for one in rendered.objects]
    assert names(objects) == names(expected)
    assert objects == expected


@pytest.mark.parametrize(
    ("options", "says", "field"),
    [
        ({"valueFiles": ["../../../etc/passwd"]}, "outside the repository", "spec.source.helm.valueFiles"),
        ({"valueFiles": ["values-none.yaml"]}, "does not exist", "spec.source.helm.valueFiles"),
        (
            {"valueFiles": ["../../../x.yaml"], "ignoreMissingValueFiles": True},
            "outside the repository",
            "spec.source.helm.valueFiles",
        ),
        (
            {"fileParameters": [{"name": "a", "path": "../../../etc/passwd"}]},
            "outside the repository",
            "spec.source.helm.fileParameters[0].path",
        ),
        (
            {"fileParameters": [{"name": "a", "path": "files/none"}]},
            "does not exist",
            "spec.source.helm.fileParameters[0].path",
        ),
        ({"parameters": [{"name": "a[", "value": "s3cret"}]}, "no path of a value", "spec.source.helm.parameters[0]"),
        ({"parameters": [{"name": "a=1,b", "value": "s3cret"}]}, "no path", "spec.source.helm.parameters[0]"),
        ({"parameters": [{"name": "list[99999999]"}]}, "no path of a value", "spec.source.helm.parameters[0]"),
        ({"parameters": [{"name": ".".join("a" * 200)}]}, "no path of a value", "spec.source.helm.parameters[0]"),
        ({"values": {"port": "text"}}, "port", ""),
        ({"kubeVersion": "latest"}, "latest", ""),
    ],
)
async def test_a_wrong_option_is_an_error_that_names_it(
    options: dict[str, Any], says: str, field: str, renderer: Renderer
) -> None:
    """Nothing outside the repository is read, and no value is quoted."""
    read = msgspec.json.decode(json.dumps(options), type=HelmOptions) if "kubeVersion" not in options else None

    with pytest.raises(RenderError) as caught:
        await renderer.render(MemoryTree(CHART), request_of(read or HelmOptions(kube_version="latest")))

    assert says in caught.value.message
    assert caught.value.object == field or not field
    assert "s3cret" not in str(caught.value)


async def test_a_values_file_that_appears_counts(renderer: Renderer) -> None:
    """A file that was looked for in vain is a dependency like one that was read."""
    options = HelmOptions(value_files=("values-none.yaml",), ignore_missing_value_files=True)
    tree = MemoryTree(CHART)
    before = await renderer.render(tree, request_of(options))

    after = await renderer.render(tree.with_files({"charts/app/values-none.yaml": "from: none\n"}), request_of(options))

    assert before.digest != after.digest


async def test_a_huge_list_index_is_bounded_in_memory(renderer: Renderer) -> None:
    """Many parameters that each want a long list end in an error or a result, soon."""
    many = tuple(Parameter(name=f"a[65536][65536].b{n}[65536]", value="x") for n in range(200))

    with pytest.raises(RenderError):
        await renderer.render(MemoryTree(CHART), request_of(HelmOptions(parameters=many)))
