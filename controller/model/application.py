"""Application: what of a repository should stand where, and how."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controller.model.base import Noun, Strict
from controller.model.condition import Conditions, ObservedGeneration
from controller.model.dependency import Dependencies
from controller.model.drift import Drift
from controller.model.health_check import CHECKS, HealthCheck
from controller.model.ignore import IgnoreDifferences
from controller.model.names import NAMESPACE, Name
from controller.model.objects import Key, ObjectId
from controller.model.revision import Revision
from controller.model.run import Run
from controller.model.source import Source
from controller.model.sync import Sync

DRIFTS = 500
"""Open drifts that a status names: an object of the API has room for 1.5 MB, and the ledger has all of them."""
HISTORY = 10
"""Runs kept in the status; the full history is the ledger's."""


class Destination(Strict, frozen=True, kw_only=True):
    """Where the objects go."""

    cluster: Annotated[
        Name, Meta(description="Name of a Cluster, or `in-cluster` for the one the controller runs in.")
    ] = "in-cluster"
    namespace: Annotated[
        str, Meta(description="For objects that name none.", pattern=NAMESPACE, min_length=1, max_length=63)
    ]


class ApplicationSpec(Strict, frozen=True, kw_only=True):
    """The wish."""

    source: Annotated[Source, Meta(description="Where the manifests are.")]
    destination: Annotated[Destination, Meta(description="Where the objects go.")]
    sync: Annotated[Sync, Meta(description="When and how the cluster is made equal to Git.")] = Sync()
    depends_on: Dependencies = ()
    ignore_differences: IgnoreDifferences = ()
    health_checks: Annotated[
        tuple[HealthCheck, ...],
        Meta(
            description="What healthy means for custom kinds, in CEL; other kinds are judged by rules of their own.",
            max_length=CHECKS,
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["apiVersion", "kind"]},
        ),
    ] = ()
    deletion: Annotated[
        Literal["prune", "orphan"] | None,
        Meta(
            description="What becomes of the objects when the Application is deleted: prune deletes them first, orphan "
            "leaves them. Default: prune, unless sync.prune is false or the Application is suspended."
        ),
    ] = None
    suspend: Annotated[bool, Meta(description="Do nothing until it is false again.")] = False


DIGEST = 8
"""Characters of a digest that tell one manifest of an object from another."""


class InventoryEntry(Noun, frozen=True, kw_only=True):
    """One object that a run has written or is about to write."""

    group: Annotated[str, Meta(description="API group; absent for the core group.")] = ""
    version: Annotated[str, Meta(description="Version it was last applied in.")]
    kind: Annotated[str, Meta(description="Kind.")]
    namespace: Annotated[str, Meta(description="Namespace; absent for a cluster-scoped object.")] = ""
    name: Annotated[str, Meta(description="Name.")]
    digest: Annotated[str, Meta(description="Beginning of the digest of the manifest that was applied last.")] = ""
    mark: Annotated[str, Meta(description="Beginning of the digest of who owned which field after that.")] = ""

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
    revision: Annotated[Revision, Meta(description="The commit that was applied last.")] = Revision()
    attempted: Annotated[
        str,
        Meta(description="The commit wanted last; not `revision.sha` while it is held back or refused."),
    ] = ""
    last_run: Annotated[Run | None, Meta(description="The newest sync.")] = None
    drift: Annotated[
        tuple[Drift, ...],
        Meta(
            description=f"Drifts that are open, {DRIFTS} of them at most.",
            extra_json_schema={"x-kubernetes-list-type": "atomic"},  # as the inventory
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
