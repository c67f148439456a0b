"""What is rolled out: Applications of four objects each, as files for Git and as requests for the bare client."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from controller.diff.normalise import Ownership, claim
from controller.model.labels import API_VERSION
from controller.model.objects import Key
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.model.base import Json

KINDS = (("v1", "ConfigMap"), ("v1", "ServiceAccount"), ("v1", "Service"), ("apps/v1", "Deployment"))
"""Of the objects of each Application."""
MAP = "settings"
"""Name of the ConfigMap whose `version` a commit changes."""
REPOSITORY = "fleet"


class Fleet:
    """So many Applications, each a Kustomize directory of one repository, each in a namespace of its own.

    No two fleets share a name: what the cluster's controllers remember of an emptied namespace takes no part.
    """

    way: ClassVar[str] = "Kustomize directories of one repository"
    """How the Applications lie in Git, for people."""
    _made = itertools.count()

    def __init__(self, size: int) -> None:
        self.size = size
        made = next(self._made)
        self.names = tuple(f"app-{made:02d}-{number:04d}" for number in range(size))

    def repositories(self) -> Mapping[str, Mapping[str, str]]:
        """Files by path, by repository."""
        return {REPOSITORY: self.files()}

    def files(self) -> Mapping[str, str]:
        """The repository."""
        return {path: content for name in self.names for path, content in directory(name, "0").items()}

    def change(self, name: str, version: str) -> tuple[str, Mapping[str, str]]:
        """The repository and the files that bring one Application, and no other, to a version."""
        return REPOSITORY, directory(name, version)

    def wishes(self) -> Sequence[Json]:
        """Every object as our apply sends it, labels and annotation included, under another installation's mark."""
        return [
            claim(
                body,
                "",
                namespaced=True,
                namespace=name,
                ownership=Ownership("bare", Key(TEAM, name)),
            ).body
            for name in self.names
            for body in objects(name, "0")
        ]

    def applications(self) -> Sequence[Json]:
        """The Applications."""
        return [application(name) for name in self.names]


def objects(name: str, version: str) -> Sequence[Json]:
    """The four objects of an Application, as a person would write them."""
    labels = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": name}
    port = {"name": "http", "port": 80, "targetPort": "http"}
    container = {
        "name": "web",
        "image": "registry.example.com/web:1.27",
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": MAP}}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
    }
    pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": "web", "containers": [container]}}
    deployment = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    return [
        _object("v1", "ConfigMap", MAP, labels, {"data": {"version": version, "log_level": "info", "region": "north"}}),
        _object("v1", "ServiceAccount", "web", labels, {}),
        _object("v1", "Service", "web", labels, {"spec": {"selector": labels, "ports": [port]}}),
        _object("apps/v1", "Deployment", "web", labels, {"spec": deployment}),
    ]


def directory(name: str, version: str) -> Mapping[str, str]:
    """An Application's Kustomize directory: content by path."""
    files = manifests(name, version)
    files["kustomization.yaml"] = kustomization(name, list(files))
    return {f"apps/{name}/{path}": content for path, content in files.items()}


def manifests(name: str, version: str) -> dict[str, str]:
    """A file for each object."""
    return {f"{body['kind'].lower()}.yaml": yaml.safe_dump(body) for body in objects(name, version)}


def kustomization(namespace: str, resources: Sequence[str]) -> str:
    """The file that makes a directory one of Kustomize."""
    body = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
    }
    return yaml.safe_dump(body | ({"namespace": namespace} if namespace else {}))


def application(name: str, **source: Any) -> Json:
    """An Application of the fleet; `source` adds to or replaces fields of its source."""
    given = {"repository": REPOSITORY, "path": f"apps/{name}"} | source
    return _ours("Application", name, {"source": given, "destination": {"namespace": name}})


def repository(url: str, interval: str, name: str = REPOSITORY) -> Json:
    """A Repository that they read."""
    return _ours("Repository", name, {"url": url, "interval": interval})


def _ours(kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": TEAM},
        "spec": spec,
    }


def _object(api_version: str, kind: str, name: str, labels: Mapping[str, str], rest: Mapping[str, Any]) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": dict(labels)}, **rest}
