"""Two repositories as people lay them out: one as users of Argo CD do, one as users of Flux do."""

from __future__ import annotations


def workload(name: str, image: str = "nginx:1.0", extra: str = "") -> str:
    """A Deployment and its Service."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: {name}
        image: "{image}"{extra}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
"""


def argo_cd() -> dict[str, str]:
    """`apps/NAME/base` and `apps/NAME/overlays/ENV`, umbrella charts with `values-ENV.yaml`, a directory of YAML."""
    files: dict[str, str] = {}
    for name in ("web", "api"):
        files |= {
            f"apps/{name}/base/kustomization.yaml": "resources: [workload.yaml]\n"
            f"configMapGenerator: [{{name: {name}-settings, literals: [mode=base]}}]\n",
            f"apps/{name}/base/workload.yaml": workload(name),
        }
        for env, replicas in (("dev", 1), ("prod", 3)):
            files[f"apps/{name}/overlays/{env}/kustomization.yaml"] = (
                f"resources: [../../base]\nnameSuffix: -{env}\nreplicas: [{{name: {name}, count: {replicas}}}]\n"
                f"images: [{{name: nginx, newTag: '{replicas}.0'}}]\ncomponents: [../../../../components/labels]\n"
                f"configMapGenerator: [{{name: {name}-settings, behavior: merge, literals: [mode={env}]}}]\n"
                "patches: [{path: limits.yaml, target: {kind: Deployment}}]\n"
            )
            files[f"apps/{name}/overlays/{env}/limits.yaml"] = (
                f"- {{op: add, path: /spec/revisionHistoryLimit, value: {replicas}}}\n"
            )
    files["components/labels/kustomization.yaml"] = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "labels: [{pairs: {app.kubernetes.io/part-of: shop}}]\n"
    )
    return files | _umbrella() | _directory()


def _umbrella() -> dict[str, str]:
    chart = "apiVersion: v2\nname: {}\nversion: 1.0.0\n"
    template = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-{{ .Chart.Name }}}
data:
  env: {{ .Values.global.env | quote }}
  size: {{ .Values.size | quote }}
"""
    return {
        "charts/search/Chart.yaml": chart.format("search")
        + "dependencies: [{name: engine, version: 1.0.0, repository: 'https://charts.example.com'},\n"
        "  {name: cache, version: 1.0.0, repository: 'file://../cache', condition: cache.enabled}]\n",
        "charts/search/values.yaml": "global: {env: none}\nengine: {size: small}\ncache: {enabled: false}\n",
        "charts/search/values-dev.yaml": "global: {env: dev}\n",
        "charts/search/values-prod.yaml": "global: {env: prod}\nengine: {size: large}\n"
        "cache: {enabled: true, size: '2'}\n",
        "charts/search/charts/engine/Chart.yaml": chart.format("engine"),
        "charts/search/charts/engine/templates/config.yaml": template,
        "charts/search/charts/cache/Chart.yaml": chart.format("cache"),
        "charts/search/charts/cache/templates/config.yaml": template,
    }


def _directory() -> dict[str, str]:
    return {
        "dashboards/one.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n",
        "dashboards/team/two.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}}',
        "dashboards/team/draft.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: draft}\n",
    }


def flux() -> dict[str, str]:
    """`clusters/ENV`, `infrastructure/{controllers,configs}`, `apps/base` and `apps/ENV` with variables."""
    files = {
        "infrastructure/controllers/kustomization.yaml": "resources: [rockets.yaml]\n",
        "infrastructure/controllers/rockets.yaml": DEFINITION,
        "infrastructure/configs/saturn.yaml": "apiVersion: example.com/v1\nkind: Rocket\nmetadata: {name: saturn}\n"
        "spec: {pad: '${pad:=39A}', zone: '${zone}'}\n",
        "apps/base/shop/kustomization.yaml": "namespace: shop\n"
        "resources: [namespace.yaml, workload.yaml, alerts.yaml]\n",
        "apps/base/shop/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        "apps/base/shop/workload.yaml": workload(
            "shop", extra="\n        env: [{name: URL, value: 'https://${host}'}]"
        ),
        "apps/base/shop/alerts.yaml": "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: alerts, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\n"
        "data: {text: 'at ${host} since ${since}'}\n",
    }
    for env, replicas in (("staging", "1"), ("production", "2")):
        files[f"apps/{env}/kustomization.yaml"] = "resources: [../base/shop]\npatches: [{path: replicas.yaml}]\n"
        files[f"apps/{env}/replicas.yaml"] = (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  replicas: ${replicas}\n"
        )
        files[f"clusters/{env}/settings.yaml"] = (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cluster-settings}\n"
            f"data: {{host: {env}.example.com, zone: eu-{replicas}, replicas: '{replicas}'}}\n"
        )
        files |= {f"clusters/{env}/{name}.yaml": text for name, text in _applications(env).items()}
    return files


def _applications(env: str) -> dict[str, str]:
    """What a Kustomization of Flux is here: an Application for each layer, each after the one before."""
    settings, secrets = "{kind: ConfigMap, name: cluster-settings}", "{kind: Secret, name: more, optional: true}"
    variables = f"postBuild: {{substituteFrom: [{settings}, {secrets}]}}"
    layers = (
        ("controllers", "infrastructure/controllers", "kustomize: {}", ""),
        ("configs", "infrastructure/configs", f"kustomize: {{}}, {variables}", "controllers"),
        ("apps", f"apps/{env}", variables, "configs"),
    )
    return {
        name: f"""\
apiVersion: shipslog.dev/v1alpha1
kind: Application
metadata: {{name: {name}}}
spec:
  source: {{repository: fleet, path: {path}, {source}}}
  destination: {{namespace: default}}
  {f"dependsOn: [{{name: {after}}}]" if after else ""}
"""
        for name, path, source, after in layers
    }


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rockets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Rocket, plural: rockets, singular: rocket, listKind: RocketList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
