"""The CustomResourceDefinitions, generated from the nouns."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import msgspec

from controller.model.application import ApplicationSpec, ApplicationStatus
from controller.model.base import Json
from controller.model.cluster import ClusterSpec, ClusterStatus
from controller.model.labels import GROUP, VERSION
from controller.model.repository import RepositorySpec, RepositoryStatus
from controller.model.rules import APPLICATION_RULES, CLUSTER_RULES, Rule
from controller.model.schema import schema

CATEGORIES = ["shipslog", "gitops"]


class Column(msgspec.Struct, frozen=True, rename="camel"):
    """A column of `kubectl get`; `priority` 1 shows it with `-o wide` only."""

    name: str
    json_path: str
    description: str
    type: str = "string"
    priority: int = 0


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One of our kinds: its names, and the Structs of its spec and status."""

    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    description: str
    spec: type[msgspec.Struct]
    status: type[msgspec.Struct]
    rules: tuple[Rule, ...] = ()
    columns: tuple[Column, ...] = ()
    selectable: tuple[str, ...] = ()


def _condition(type_: str, description: str, *, priority: int = 0) -> Column:
    return Column(type_, f'.status.conditions[?(@.type=="{type_}")].status', description, priority=priority)


_MESSAGE = Column("Message", '.status.conditions[?(@.type=="Ready")].message', "Why it is ready or not.", priority=1)
_AGE = Column("Age", ".metadata.creationTimestamp", "Time since it was created.", type="date")
_READY = _condition("Ready", "Whether all is as wished.")

KINDS = (
    Kind(
        kind="Application",
        plural="applications",
        short_names=("app", "apps"),
        description="Keeps what a path of a repository says equal to what stands in a namespace of a cluster.",
        spec=ApplicationSpec,
        status=ApplicationStatus,
        rules=APPLICATION_RULES,
        columns=(
            _condition("Synced", "Whether the cluster was made equal to Git."),
            _condition("Healthy", "Whether the objects do their work."),
            Column("Objects", ".status.summary", "Counts of its objects."),
            # A column can't shorten an object id, and the commit's first line says more.
            Column("Commit", ".status.revision.message", "First line of the commit's message."),
            _AGE,
            _condition("Ready", "Whether all is as wished.", priority=1),
            Column("Repository", ".spec.source.repository", "Where the manifests come from.", priority=1),
            Column("Path", ".spec.source.path", "Directory inside the repository.", priority=1),
            Column("Cluster", ".spec.destination.cluster", "Where the objects go.", priority=1),
            Column("Namespace", ".spec.destination.namespace", "Where the objects go.", priority=1),
            Column("Revision", ".status.revision.sha", "Object id of the commit.", priority=1),
            _MESSAGE,
        ),
        selectable=(".spec.source.repository", ".spec.destination.cluster", ".spec.destination.namespace"),
    ),
    Kind(
        kind="Repository",
        plural="repositories",
        short_names=("repo", "repos"),
        description="A Git repository that Applications of the same namespace read.",
        spec=RepositorySpec,
        status=RepositoryStatus,
        columns=(
            Column("URL", ".spec.url", "Where Git is."),
            _READY,
            # Not "Fetched": the server is asked every interval, and mostly there is nothing to fetch.
            Column("Changed", ".status.lastFetch", "Time since a commit was last fetched.", type="date"),
            _AGE,
            Column("Refs", ".status.refs", "Number of refs the server has.", type="integer", priority=1),
            Column("Head", ".status.head", "Head of the default branch.", priority=1),
            _MESSAGE,
        ),
        selectable=(".spec.url",),
    ),
    Kind(
        kind="Cluster",
        plural="clusters",
        namespaced=False,
        description="A Kubernetes cluster that Applications may go to; the controller's own needs none.",
        spec=ClusterSpec,
        status=ClusterStatus,
        rules=CLUSTER_RULES,
        columns=(
            _READY,
            Column("Version", ".status.version", "Version of its API server."),
            Column("Reachable", ".status.reachableSince", "How long it has been reachable.", type="date"),
            Column("Objects", ".status.watched", "Objects under watch.", type="integer"),
            _AGE,
            _MESSAGE,
        ),
    ),
)


def crds() -> list[Json]:
    """All CustomResourceDefinitions, ready to be applied, in the order of KINDS."""
    return [crd(kind) for kind in KINDS]


def crd(kind: Kind) -> Json:
    """One CustomResourceDefinition; the caller's own, to change as they like."""
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": _names(kind),
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(kind)],
        },
    }
    return copy.deepcopy(definition)


def _names(kind: Kind) -> Json:
    names: Json = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural}
    names |= {"singular": kind.kind.lower(), "categories": CATEGORIES}
    return names | ({"shortNames": list(kind.short_names)} if kind.short_names else {})


def _version(kind: Kind) -> Json:
    version: Json = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [msgspec.to_builtins(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return version


def _root(kind: Kind) -> Json:
    root: Json = {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{kind.kind}."},
            # The name is there for the rules about it to point at.
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": schema(kind.spec, wish=True),
            "status": schema(kind.status, wish=False),
        },
    }
    return root | _validations(kind.rules)


def _validations(rules: Iterable[Rule]) -> Json:
    entries = [rule.json() for rule in rules]
    return {"x-kubernetes-validations": entries} if entries else {}
