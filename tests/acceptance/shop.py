"""The application that the stories are about."""

from __future__ import annotations


def shop(version: str, *, replicas: int = 2, namespace: str = "shop") -> dict[str, str]:
    """A namespace, configuration, a secret, a service and a deployment, as Kustomize files."""
    return {
        "kustomization.yaml": f"namespace: {namespace}\nresources: [namespace.yaml, web.yaml]\n",
        "namespace.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n",
        "web.yaml": f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{version: "{version}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: login}}
stringData: {{password: "not-for-the-log-{version}"}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: "nginx:{version}"}}]}}
""",
    }
