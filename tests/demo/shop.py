"""What the story is about: the files of a Git repository, and the resources that name it."""

from __future__ import annotations

TEAM = "team-pay"
"""Namespace of the Application."""
APPLICATION = "shop"
NAMESPACE = "shop"
"""Namespace of what the Application brings."""
PATH = "overlays/prod"


def files(version: str, *, node: str = "") -> dict[str, str]:
    """A release, as Kustomize files; `node` asks for nodes with such a disk, and gives up soon."""
    selector = f"\n      nodeSelector: {{disk: {node}}}" if node else ""
    patience = "\n  progressDeadlineSeconds: 1" if node else ""
    return {
        f"{PATH}/kustomization.yaml": f"""\
namespace: {NAMESPACE}
resources: [namespace.yaml, settings.yaml, web.yaml]
""",
        f"{PATH}/namespace.yaml": f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
""",
        f"{PATH}/settings.yaml": f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{version: "{version}", currency: EUR}}
""",
        f"{PATH}/web.yaml": f"""\
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2{patience}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: "example/shop:{version}"}}]{selector}
""",
    }


def resources(url: str) -> str:
    """The namespace of the team, the Repository and the Application."""
    return f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {TEAM}}}
---
apiVersion: shipslog.dev/v1alpha1
kind: Repository
metadata: {{name: shop-config, namespace: {TEAM}}}
spec:
  url: {url}
  interval: 30s
---
apiVersion: shipslog.dev/v1alpha1
kind: Application
metadata: {{name: {APPLICATION}, namespace: {TEAM}}}
spec:
  source:
    repository: shop-config
    ref: {{branch: main}}
    path: {PATH}
  destination: {{namespace: {NAMESPACE}}}
  sync: {{mode: auto, prune: true, selfHeal: true}}
"""
