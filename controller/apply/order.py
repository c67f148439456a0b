"""In which order objects are written. PURE.

What others live in comes first (namespaces, definitions), then what others refer to (accounts, rights,
configuration), then what runs, and what can refuse other writes comes last.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from controller.model.objects import GroupKind
from controller.model.plan import Step

_KINDS = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "IngressClass",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "Ingress",
)
_LAST = (
    "APIService",
    "ValidatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
_RANK = {kind: rank for rank, kind in enumerate(_KINDS)}
_LAST_RANK = {kind: len(_KINDS) + 1 + rank for rank, kind in enumerate(_LAST)}
FOUNDATIONS = frozenset({GroupKind("", "Namespace"), GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")})
"""Kinds that must stand (active, established) before anything else can."""


def rank(kind: str) -> int:
    """Place of a kind in the order; unknown kinds come after all known ones but those that can refuse writes."""
    return _RANK.get(kind, _LAST_RANK.get(kind, len(_KINDS)))


def is_foundation(step: Step) -> bool:
    """Whether the step's object must stand before others can be written."""
    return step.id.group_kind in FOUNDATIONS


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps in the order of writing: by kind, then namespace and name."""
    return tuple(sorted(steps, key=lambda step: (rank(step.id.kind), step.id)))


def ranks(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The steps in groups that may be written side by side, first group first."""
    return [tuple(group) for _, group in groupby(ordered(steps), key=lambda step: rank(step.id.kind))]


def reversed_ranks(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The same for deletion: last written goes first."""
    return ranks(steps)[::-1]
