"""Objects that are none, that no cluster takes, or that reach for what is somebody else's."""

from __future__ import annotations

from tests.acceptance.hostile.case import Content

POD = "{containers: [{name: a, image: b}]}"
WORKLOAD = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: hostile}\n"
    "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: " + POD + "}%s}\n"
)


def _manifest(name: str, text: str, *says: str) -> Content:
    return Content(name, "manifest", {"a.yaml": text}, says)


def _map(metadata: str = "{name: hostile}", data: str = "{a: b}") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\ndata: {data}\n"


def _named(name: str, metadata: str, *says: str) -> Content:
    return _manifest(name, _map(metadata), *says)


FILE = "a.yaml"
OBJECT = "ConfigMap hostile/hostile"

CASES = (
    _manifest("no-kind", "apiVersion: v1\nmetadata: {name: hostile}\n", FILE, "kind"),
    _manifest("no-apiversion", "kind: ConfigMap\nmetadata: {name: hostile}\n", FILE, "apiVersion"),
    _manifest("no-metadata", "apiVersion: v1\nkind: ConfigMap\n", FILE, "metadata.name"),
    _named("no-name", "{labels: {a: b}}", FILE, "metadata.name"),
    _named("name-empty", "{name: ''}", FILE, "metadata.name"),
    _named("generate-name", "{generateName: hostile-}", FILE, "generateName"),
    _named("name-illegal", "{name: UPPER_case}", "UPPER_case", "metadata.name"),
    _named("name-path", "{name: ../../etc}", "../../etc", "metadata.name"),
    _named("name-long", "{name: " + "n" * 300 + "}", "nnn", "metadata.name"),
    _named("name-number", "{name: 12}", FILE, "metadata.name"),
    _named("metadata-list", "[]", FILE, "metadata"),
    _named("namespace-illegal", "{name: hostile, namespace: No_Such}", "No_Such", "namespace"),
    _named("namespace-missing", "{name: hostile, namespace: no-such-namespace}", "no-such-namespace"),
    _named("namespace-number", "{name: hostile, namespace: 7}", FILE, "metadata.namespace"),
    _manifest(
        "namespace-on-cluster-scoped",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: hostile, namespace: hostile}\n",
        FILE,
        "ClusterRole",
        "namespace",
    ),
    _manifest("kind-unknown", "apiVersion: v1\nkind: ConfigMaps\nmetadata: {name: hostile}\n", FILE, "ConfigMaps"),
    _manifest("kind-case", "apiVersion: v1\nkind: configmap\nmetadata: {name: hostile}\n", FILE, "configmap"),
    _manifest("kind-number", "apiVersion: v1\nkind: 1\nmetadata: {name: hostile}\n", FILE, "kind"),
    _manifest("group-unknown", "apiVersion: no.such/v1\nkind: Ship\nmetadata: {name: hostile}\n", FILE, "no.such/v1"),
    _manifest("version-removed", WORKLOAD.replace("apps/v1", "extensions/v1beta1") % "", FILE, "extensions/v1beta1"),
    _manifest("apiversion-path", "apiVersion: a/b/c\nkind: Ship\nmetadata: {name: hostile}\n", FILE, "a/b/c"),
    _manifest("apiversion-number", "apiVersion: 1\nkind: ConfigMap\nmetadata: {name: hostile}\n", FILE, "apiVersion"),
    _manifest("field-unknown", WORKLOAD % ", replicsa: 2", "Deployment.apps hostile/hostile", "replicsa"),
    _manifest("type-wrong", WORKLOAD % ", replicas: two", "Deployment.apps hostile/hostile", "replicas"),
    _manifest("number-negative", WORKLOAD % ", replicas: -1", "Deployment.apps hostile/hostile", "spec.replicas"),
    _manifest("data-number", _map(data="{a: 1}"), OBJECT, "data"),
    _manifest("data-list", _map(data="[a]"), OBJECT, "data"),
    _manifest("data-key", _map(data="{'../a': b}"), OBJECT, "../a"),
    _manifest(
        "secret-not-base64",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: hostile}\ndata: {a: '%%%'}\n",
        "Secret hostile/hostile",
        "data",
    ),
    _named("label-number", "{name: hostile, labels: {a: 1}}", FILE, "labels"),
    _named("label-illegal", "{name: hostile, labels: {a: 'b c'}}", OBJECT, "metadata.labels"),
    _named("annotation-list", "{name: hostile, annotations: [a]}", FILE, "annotations"),
    _named("annotations-large", "{name: hostile, annotations: {a: " + "x" * 300_000 + "}}", OBJECT, "annotations"),
    _named(
        "option-unknown", "{name: hostile, annotations: {shipslog.dev/sync: nevre}}", OBJECT, "nevre", "create-only"
    ),
    _named("finalizer-illegal", "{name: hostile, finalizers: [a b]}", OBJECT, "metadata.finalizers"),
    _named("owner-reference", "{name: hostile, ownerReferences: [{kind: Pod, name: a}]}", OBJECT, "ownerReferences"),
    _manifest("status-only", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: hostile}\nstatus: {}\n", "spec"),
    Content(
        "duplicate-object",
        "manifest",
        {"a.yaml": _map(), "b.yaml": _map()},
        ("ConfigMap hostile in namespace hostile", "a.yaml", "b.yaml"),
    ),
    _manifest("list-nested", "apiVersion: v1\nkind: List\nitems: [{kind: List, items: [{a: b}]}]\n", FILE),
    _manifest("list-items", "apiVersion: v1\nkind: List\nitems: {a: b}\n", FILE, "items"),
    _manifest("list-null", "apiVersion: v1\nkind: List\nitems: [null, 3]\n", FILE, "null"),
    _manifest(
        "crd-broken",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ships.hostile.example}\n"
        "spec: {group: hostile.example, names: {kind: Ship, plural: ships}, scope: Namespaced, versions: []}\n",
        "CustomResourceDefinition.apiextensions.k8s.io ships.hostile.example",
        "spec.versions",
    ),
    _manifest(
        "service-ports",
        "apiVersion: v1\nkind: Service\nmetadata: {name: hostile}\nspec: {ports: [{port: 80}, {port: 80}]}\n",
        "Service hostile/hostile",
        "spec.ports",
    ),
    _manifest(
        "neighbours-object",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: neighbour, namespace: harbour}\ndata: {version: mine}\n",
        "ConfigMap harbour/neighbour",
        "team-pay/neighbour",
    ),
    Content("nothing-left", "manifest", {"README.md": "moved\n"}, ("allowEmpty",)),
    Content("one-of-many", "manifest", {"a.yaml": _map(), "b.yaml": _map("{name: b_b}")}, ("b_b",)),
    Content(
        "two-of-many",
        "manifest",
        {"a.yaml": _map(), "b.yaml": _map("{name: b_b}"), "c.yaml": WORKLOAD % ", replicas: two"},
        ("b_b", "replicas"),
    ),
)
