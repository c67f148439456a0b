"""Application: what of a repository should stand where, and how."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from controller.model.base import Noun, Strict
from controller.model.condition import Conditions, ObservedGeneration
from controller.model.drift import Drift
from controller.model.duration import Duration
from controller.model.objects import Key, ObjectId
from controller.model.revision import Revision
from controller.model.run import Run

HISTORY = 10
"""Runs kept in the status; the full history is the ledger's."""

NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REF_NAME = r"^[^-/\s~^:?*\[\\\x00-\x1f\x7f][^\s~^:?*\[\\\x00-\x1f\x7f]*$"
NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SHA = "^[0-9a-f]{40}([0-9a-f]{24})?$"
Name = Annotated[str, Meta(pattern=NAME, min_length=1, max_length=253)]
RefName = Annotated[
    str,
    # From git-check-ref-format(1); no leading dash, so that it is never taken for an option.
    Meta(pattern=REF_NAME, min_length=1, max_length=255),
]
Sha = Annotated[str, Meta(pattern=SHA, max_length=64)]
RepositoryPath = Annotated[str, Meta(min_length=1, max_length=1024)]
Patterns = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=64)]


class Ref(Strict, frozen=True, kw_only=True):
    """Which commit: exactly one field, or none for the repository's default branch."""

    branch: Annotated[RefName | None, Meta(description="Head of this branch.")] = None
    tag: Annotated[RefName | None, Meta(description="This tag.")] = None
    commit: Annotated[Sha | None, Meta(description="This commit, by its full object id.")] = None


class KustomizeOptions(Strict, frozen=True, kw_only=True):
    """Render with Kustomize."""


class HelmOptions(Strict, frozen=True, kw_only=True):
    """Render as a Helm chart."""

    release_name: Annotated[
        Annotated[str, Meta(max_length=53, pattern=NAME)] | None, Meta(description="Default: the Application's name.")
    ] = None
    value_files: Annotated[
        tuple[RepositoryPath, ...],
        Meta(
            description="Values files relative to the chart, later ones win; `../` stays in the repository.",
            max_length=64,
        ),
    ] = ()
    values: Annotated[dict[str, Any] | None, Meta(description="Values; they win over value files.")] = None


class PlainOptions(Strict, frozen=True, kw_only=True):
    """Take YAML and JSON files as they are."""

    recurse: Annotated[bool, Meta(description="Read directories below the path, too.")] = False
    include: Annotated[
        Patterns, Meta(description="Only files that match one of these: *, ? and [...], by name or by path.")
    ] = ()
    exclude: Annotated[Patterns, Meta(description="No files that match one of these; it wins over include.")] = ()


class Source(Strict, frozen=True, kw_only=True):
    """Where the manifests are."""

    repository: Annotated[Name, Meta(description="Name of a Repository in this namespace.")]
    ref: Annotated[Ref, Meta(description="Which commit; default: head of the default branch.")] = Ref()
    path: Annotated[RepositoryPath, Meta(description="Directory inside the repository.")] = "."
    kustomize: Annotated[KustomizeOptions | None, Meta(description="Render with Kustomize.")] = None
    helm: Annotated[HelmOptions | None, Meta(description="Render as a Helm chart.")] = None
    plain: Annotated[PlainOptions | None, Meta(description="Take files as they are.")] = None


class Destination(Strict, frozen=True, kw_only=True):
    """Where the objects go."""

    cluster: Annotated[
        Name, Meta(description="Name of a Cluster, or `in-cluster` for the one the controller runs in.")
    ] = "in-cluster"
    namespace: Annotated[
        str, Meta(description="For objects that name none.", pattern=NAMESPACE, min_length=1, max_length=63)
    ]


class Backoff(Strict, frozen=True, kw_only=True):
    """How long to wait between tries."""

    duration: Annotated[Duration, Meta(description="Before the first retry.")] = "5s"
    factor: Annotated[int, Meta(description="By which each wait is longer.", ge=1, le=10)] = 2
    max_duration: Annotated[Duration, Meta(description="No wait is longer.")] = "3m"


class Retry(Strict, frozen=True, kw_only=True):
    """What happens after a failed run."""

    limit: Annotated[int, Meta(description="Tries after the first; then the interval decides.", ge=0, le=100)] = 5
    backoff: Annotated[Backoff, Meta(description="Waits between tries.")] = Backoff()


class Sync(Strict, frozen=True, kw_only=True):
    """When and how the cluster is made equal to Git."""

    mode: Annotated[
        Literal["auto", "manual", "detect"],
        Meta(description="auto: at once. manual: when asked. detect: report, never write."),
    ] = "auto"
    prune: Annotated[bool, Meta(description="Delete objects that left Git.")] = True
    allow_empty: Annotated[bool, Meta(description="Let a sync prune all objects.")] = False
    self_heal: Annotated[bool, Meta(description="Undo foreign changes to fields that Git declares.")] = True
    interval: Annotated[Duration, Meta(description="Longest time between two comparisons.")] = "1h"
    timeout: Annotated[Duration, Meta(description="How long a run may wait for health.")] = "5m"
    retry: Annotated[Retry, Meta(description="What happens after a failed run.")] = Retry()


class ApplicationSpec(Strict, frozen=True, kw_only=True):
    """The wish."""

    source: Annotated[Source, Meta(description="Where the manifests are.")]
    destination: Annotated[Destination, Meta(description="Where the objects go.")]
    sync: Annotated[Sync, Meta(description="When and how the cluster is made equal to Git.")] = Sync()
    suspend: Annotated[bool, Meta(description="Do nothing until it is false again.")] = False


class InventoryEntry(Noun, frozen=True, kw_only=True):
    """One object that a run has written or is about to write."""

    group: Annotated[str, Meta(description="API group; absent for the core group.")] = ""
    version: Annotated[str, Meta(description="Version it was last applied in.")]
    kind: Annotated[str, Meta(description="Kind.")]
    namespace: Annotated[str, Meta(description="Namespace; absent for a cluster-scoped object.")] = ""
    name: Annotated[str, Meta(description="Name.")]

    @property
    def id(self) -> ObjectId:
        """The object's identity."""
        return ObjectId(self.group, self.kind, self.namespace, self.name)

    @property
    def api_version(self) -> str:
        """The version it was last applied in."""
        return f"{self.group}/{self.version}" if self.group else self.version


class ApplicationStatus(Noun, frozen=True, kw_only=True):
    """What came of it."""

    conditions: Conditions = ()
    observed_generation: ObservedGeneration = 0
    revision: Annotated[Revision, Meta(description="The commit that was looked at last.")] = Revision()
    last_run: Annotated[Run | None, Meta(description="The newest sync.")] = None
    drift: Annotated[
        tuple[Drift, ...],
        Meta(
            description="Drifts that are open.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]},
        ),
    ] = ()
    # Atomic: with map keys every entry would stand a second time in managedFields, and we are the only writer.
    inventory: Annotated[
        tuple[InventoryEntry, ...],
        Meta(
            description="Every object that is ours: written before the first write of a run, so that nothing leaks.",
            extra_json_schema={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    cluster: Annotated[str, Meta(description="The Cluster that the inventory is in.")] = ""
    history: Annotated[
        tuple[Run, ...],
        Meta(
            description=f"The last {HISTORY} syncs, newest first; the full history is the ledger's.",
            extra_json_schema={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    last_handled_sync: Annotated[
        str, Meta(description="Value of the annotation `shipslog.dev/sync-requested-at` that was acted on last.")
    ] = ""
    summary: Annotated[str, Meta(description="Counts for people, as in `4 objects, 1 drifted`.")] = ""


class Application(msgspec.Struct, frozen=True):
    """An Application as read from the API: its wish and what we last wrote about it."""

    key: Key
    uid: str
    generation: int
    spec: ApplicationSpec
    status: ApplicationStatus
    resource_version: str = ""
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    deleting: bool = False
