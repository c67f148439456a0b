"""Objects that the tests apply."""

from __future__ import annotations

from typing import Any

from controller.model.objects import ObjectId


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def config_map_id(namespace: str, name: str = "settings") -> ObjectId:
    """The identity of a ConfigMap."""
    return ObjectId("", "ConfigMap", namespace, name)


def secret(namespace: str, **fields: Any) -> dict[str, Any]:
    """A Secret with these fields."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": namespace}, **fields}


def deployment(namespace: str, **spec: Any) -> dict[str, Any]:
    """A Deployment without replicas; `spec` overrides its fields."""
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod, **spec},
    }


def definition(plural: str, kind: str, group: str = "test.example") -> dict[str, Any]:
    """A CustomResourceDefinition of a namespaced kind in version v1."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
