"""In which order objects are written. PURE.

What others live in comes first (namespaces, definitions), then what others refer to (accounts, rights,
configuration), then what runs, and what can refuse other writes comes last. Kinds of one stage are written side by
side: each stage costs the time of its slowest write, so there are few.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from controller.model.objects import GroupKind
from controller.model.plan import Step

_STAGES: tuple[tuple[str, ...], ...] = (
    ("Namespace",),
    ("CustomResourceDefinition",),
    (  # what Pods are held to
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "IngressClass",
        "NetworkPolicy",
        "ResourceQuota",
        "LimitRange",
        "PodDisruptionBudget",
    ),
    (  # what Pods and bindings refer to; a Service, too: its address is in the environment of Pods that come later
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "ClusterRole",
        "Role",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Service",
    ),
    ("ClusterRoleBinding", "RoleBinding"),  # the server looks at the role: nobody may grant what they don't have
    ("DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment", "StatefulSet", "Job", "CronJob"),
    ("HorizontalPodAutoscaler", "Ingress"),
)
_UNKNOWN = len(_STAGES)
_LAST = (
    ("APIService",),
    ("ValidatingAdmissionPolicyBinding",),
    ("MutatingWebhookConfiguration",),
    ("ValidatingWebhookConfiguration",),
)
_PLACES = {
    kind: (first + stage, place)
    for first, stages in ((0, _STAGES), (_UNKNOWN + 1, _LAST))
    for stage, kinds in enumerate(stages)
    for place, kind in enumerate(kinds)
}
FOUNDATIONS = frozenset({GroupKind("", "Namespace"), GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")})
"""Kinds that must stand (active, established) before anything else can."""


def stage(kind: str) -> int:
    """Which stage writes a kind; unknown kinds come after all known ones but those that can refuse writes."""
    return _place(kind)[0]


def is_foundation(step: Step) -> bool:
    """Whether the step's object must stand before others can be written."""
    return step.id.group_kind in FOUNDATIONS


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps in the order of writing: by stage and kind, then namespace and name."""
    return tuple(sorted(steps, key=lambda step: (_place(step.id.kind), step.id)))


def ranks(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The steps in groups that may be written side by side, first group first."""
    return [tuple(group) for _, group in groupby(ordered(steps), key=lambda step: stage(step.id.kind))]


def reversed_ranks(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The same for deletion: last written goes first."""
    return ranks(steps)[::-1]


def _place(kind: str) -> tuple[int, int]:
    return _PLACES.get(kind, (_UNKNOWN, 0))
