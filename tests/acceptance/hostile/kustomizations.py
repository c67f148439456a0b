"""Kustomizations that lead nowhere, in circles, out of the repository, or into a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.hostile.case import Content
from tests.acceptance.hostile.yamls import BOMB

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\ndata: {a: b}\n"
FUNCTION = "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: '%s'}\n"
FILE = "kustomization.yaml"


def _kustomization(
    name: str,
    text: str,
    *says: str,
    files: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Content:
    given = {FILE: "resources: [a.yaml]\n" + text, "a.yaml": MAP} | dict(files or {})
    spec = {"source": {"kustomize": dict(options)}} if options is not None else {}
    return Content(name, "kustomization", given, says, spec)


def _bare(name: str, text: str, *says: str, files: Mapping[str, str] | None = None) -> Content:
    return Content(name, "kustomization", {FILE: text} | dict(files or {}), says)


CASES = (
    _bare("kust-cycle", "resources: [b]\n", "cycle", files={"b/kustomization.yaml": "resources: [../../kust-cycle]\n"}),
    _bare("kust-self", "resources: [.]\n", "kust-self", "cycle"),
    _kustomization(
        "kust-missing-resource", "components: []\n", "nowhere.yaml", files={FILE: "resources: [nowhere.yaml]\n"}
    ),
    _bare(
        "kust-remote-http", "resources: ['https://example.invalid/base.yaml']\n", FILE, "resources[0]", "remote", "copy"
    ),
    _bare("kust-remote-git", "resources: ['github.com/acme/base//deploy?ref=v1']\n", FILE, "resources[0]", "remote"),
    _bare("kust-remote-ssh", "resources: ['git@github.com:acme/base.git']\n", FILE, "resources[0]", "remote"),
    _bare("kust-absolute", "resources: [/etc/passwd]\n", FILE, "resources[0]", "/etc/passwd"),
    _bare("kust-outside", "resources: [../../../../etc/passwd]\n", FILE, "resources[0]", "outside"),
    _kustomization(
        "kust-generator-file", "configMapGenerator: [{name: a, files: [/etc/passwd]}]\n", FILE, "/etc/passwd"
    ),
    _kustomization("kust-generator-missing", "configMapGenerator: [{name: a, files: [nowhere.txt]}]\n", "nowhere.txt"),
    _kustomization("kust-generator-literal", "configMapGenerator: [{name: a, literals: [novalue]}]\n", "novalue"),
    _kustomization("kust-generator-twice", "configMapGenerator: [{name: a}, {name: a}]\n", "a"),
    _kustomization(
        "kust-exec",
        "transformers: [t.yaml]\n",
        "commit what they would produce",
        files={"t.yaml": FUNCTION % "exec: {path: /bin/sh}"},
    ),
    _kustomization(
        "kust-container",
        "transformers: [t.yaml]\n",
        "commit what they would produce",
        files={"t.yaml": FUNCTION % "container: {image: example.invalid/x}"},
    ),
    _kustomization(
        "kust-plugin",
        "generators: [t.yaml]\n",
        "plugin",
        files={"t.yaml": "apiVersion: acme.example/v1\nkind: Plugin\nmetadata: {name: x}\n"},
    ),
    _kustomization("kust-helm", "helmCharts: [{name: x, repo: 'https://x.invalid'}]\n", FILE, "helmCharts"),
    _kustomization("kust-component-missing", "components: [nowhere]\n", "nowhere"),
    _kustomization(
        "kust-component-kind", "components: [b]\n", "Component", files={"b/kustomization.yaml": "namePrefix: x-\n"}
    ),
    _kustomization("kust-patch-target", "patches: [{patch: '[]', target: {kind: [a]}}]\n", FILE, "patches"),
    _kustomization(
        "kust-patch-nobody",
        "patches: [{patch: 'apiVersion: v1\n\n    kind: Secret\n\n    metadata: {name: x}'}]\n",
        "Secret",
    ),
    _kustomization(
        "kust-patch-op", "patches: [{target: {kind: ConfigMap}, patch: '[{op: jump, path: /a}]'}]\n", "jump"
    ),
    _kustomization(
        "kust-patch-path", "patches: [{target: {kind: ConfigMap}, patch: '[{op: remove, path: /data/zz}]'}]\n", "zz"
    ),
    _kustomization("kust-patch-missing", "patches: [{path: nowhere.yaml}]\n", "nowhere.yaml"),
    _kustomization("kust-patch-bomb", "patches: [{path: p.yaml}]\n", "p.yaml", "aliasing", files={"p.yaml": BOMB}),
    _kustomization(
        "kust-replacement-path",
        "replacements: [{source: {kind: ConfigMap, name: hostile, fieldPath: data.zz}, "
        "targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]}]\n",
        "data.zz",
    ),
    _kustomization("kust-replacement-nobody", "replacements: [{source: {kind: Ship}, targets: []}]\n", "replacements"),
    _kustomization("kust-field", "resuorces: [a.yaml]\n", FILE, "resuorces"),
    _kustomization("kust-image-type", "images: [{name: a, newTag: 1.0}]\n", FILE, "newTag"),
    _kustomization("kust-replicas", "replicas: [{name: a, count: many}]\n", FILE, "count"),
    _kustomization("kust-duplicate-key", "namePrefix: a-\nnamePrefix: b-\n", FILE, '"namePrefix"'),
    _kustomization("kust-two-files", "", "keep one kustomization file", files={"kustomization.yml": "{}\n"}),
    _kustomization("kust-twice", "", "ConfigMap", files={FILE: "resources: [a.yaml, b.yaml]\n", "b.yaml": MAP}),
    _kustomization(
        "kust-too-large",
        "configMapGenerator: [{name: big, files: [a.txt, b.txt, c.txt]}]\n",
        "ConfigMap hostile/big",
        files=dict.fromkeys(("a.txt", "b.txt", "c.txt"), "x" * 500000),
    ),
    _bare("kust-list", "- resources\n", FILE),
    _bare("kust-text", "resources\n", FILE),
    _bare("kust-kind", "kind: Deployment\n", FILE),
    _bare("kust-bomb", BOMB, FILE, "aliasing"),
    _bare("kust-empty", "", FILE),
    _kustomization("kust-option-component", "", "nowhere", options={"components": ["nowhere"]}),
    _kustomization("kust-option-patch", "", "nor a JSON patch", options={"patches": [{"patch": "}{"}]}),
    _kustomization("kust-option-prefix", "", "Not Allowed", options={"namePrefix": "Not Allowed-"}),
    _kustomization("kust-option-replicas", "", "nobody", options={"replicas": [{"name": "nobody", "count": 3}]}),
)
