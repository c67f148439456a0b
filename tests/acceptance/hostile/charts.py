"""Charts that don't end, don't fit, or look around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.hostile.case import Content
from tests.acceptance.hostile.yamls import BOMB

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CHART = "apiVersion: v2\nname: hostile\nversion: 0.1.0\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\ndata: {a: %s}\n"
TEMPLATE = "templates/a.yaml"


def _template(name: str, text: str, *says: str) -> Content:
    return Content(name, "chart", {"Chart.yaml": CHART, TEMPLATE: text}, (TEMPLATE, *says))


def _memory(name: str, text: str) -> Content:
    return Content(name, "chart", {"Chart.yaml": CHART, TEMPLATE: text}, (name, "MiB", "loop in a template"))


def _chart(
    name: str, *says: str, chart: str = CHART, options: Mapping[str, Any] | None = None, **files: str | bytes
) -> Content:
    renamed = {path.replace("__", "/").replace("_", "."): content for path, content in files.items()}
    spec = {"source": {"helm": dict(options)}} if options is not None else {}
    return Content(name, "chart", {"Chart.yaml": chart, TEMPLATE: MAP % "b"} | renamed, says, spec)


CASES = (
    _template("chart-endless-include", '{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}', "x"),
    _template(
        "chart-endless-tpl", '{{ tpl (.Files.Get "templates/a.yaml") . }}{{ tpl "{{ tpl .Template.Name . }}" . }}'
    ),
    _template("chart-required", MAP % '{{ required "port is needed" .Values.port }}', "port is needed"),
    _template("chart-fail", '{{ fail "not on a Friday" }}', "not on a Friday"),
    _template("chart-syntax", MAP % "{{ .Values.a ", "parse error"),
    _template("chart-end", "{{ if .Values.a }}\n", "unexpected EOF"),
    _template("chart-env", MAP % '{{ env "HOME" }}', '"env" not defined'),
    _template("chart-expandenv", MAP % '{{ expandenv "$HOME" }}', '"expandenv" not defined'),
    _template("chart-function", MAP % "{{ launch .Values.a }}", '"launch" not defined'),
    _template("chart-nil", MAP % "{{ .Values.a.b.c }}", "nil pointer"),
    _template("chart-no-template", MAP % '{{ include "nobody" . }}', "nobody"),
    _memory("chart-range", "{{ range until 100000000 }}a{{ end }}"),
    _memory("chart-repeat", '{{ repeat 2000000000 "x" }}'),
    _template("chart-output", MAP % '{{ repeat 9000000 "x" }}'),
    _template("chart-regex", MAP % '{{ mustRegexMatch "(" "a" }}', "missing closing"),
    _template("chart-yaml", "apiVersion: v1\nkind: ConfigMap\n metadata: {}\n", "line"),
    _template("chart-bomb", BOMB, "aliasing"),
    _template("chart-duplicate-key", MAP % "b" + "kind: Secret\n", "kind"),
    _template("chart-no-kind", "metadata: {name: hostile}\n"),
    _template("chart-twice", MAP % "b" + "---\n" + MAP % "c", "ConfigMap"),
    _chart("chart-values-list", "values.yaml", values_yaml="- a\n"),
    _chart("chart-values-yaml", "values.yaml:1", values_yaml="a: [\n"),
    _chart("chart-values-bomb", "values.yaml", "aliasing", values_yaml=BOMB),
    _chart(
        "chart-schema",
        "/port",
        values_yaml="port: high\n",
        values_schema_json='{"properties": {"port": {"type": "integer"}}}',
    ),
    _chart("chart-schema-json", "values.schema.json", values_schema_json="{"),
    _chart(
        "chart-schema-http",
        "values.schema.json",
        "not a file of the chart",
        values_schema_json='{"$ref": "http://127.0.0.1:1/x"}',
    ),
    _chart(
        "chart-schema-file",
        "values.schema.json",
        "not a file of the chart",
        values_schema_json='{"$ref": "file:///etc/passwd"}',
    ),
    _chart(
        "chart-dependency",
        "db",
        "helm dependency build",
        chart=CHART + "dependencies: [{name: db, version: 1.x, repository: 'https://x.invalid'}]\n",
    ),
    _chart("chart-archive", "chart-archive/Chart.yaml", "db.tgz", charts__db_tgz=b"no archive at all"),
    _chart("chart-name", "Chart.yaml", "name", chart="apiVersion: v2\nversion: 0.1.0\n"),
    _chart("chart-version", "Chart.yaml", "version", chart="apiVersion: v2\nname: hostile\nversion: newest\n"),
    _chart("chart-garbage", "Chart.yaml", chart="}{"),
    _chart("chart-library", "library", chart=CHART + "type: library\n"),
    _chart("chart-kubeversion", "Chart.yaml", ">=9.0.0", chart=CHART + "kubeVersion: '>=9.0.0'\n"),
    _chart("chart-crd", "crds/ship.yaml", crds__ship_yaml="apiVersion: apiextensions.k8s.io/v1\nkind: [\n"),
    _chart("chart-value-file", "nowhere.yaml", options={"valueFiles": ["nowhere.yaml"]}),
    _chart("chart-value-file-outside", "outside", options={"valueFiles": ["../../../etc/passwd"]}),
    _chart("chart-file-parameter", "nowhere.txt", options={"fileParameters": [{"name": "a", "path": "nowhere.txt"}]}),
    _chart("chart-parameter", "a[", options={"parameters": [{"name": "a[", "value": "1"}]}),
    _chart("chart-parameter-index", "a[", options={"parameters": [{"name": "a[99999999]", "value": "1"}]}),
)
