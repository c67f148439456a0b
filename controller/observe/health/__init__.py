"""Health of one object: a pure verdict on what the API server answered.

The rules are those of kstatus (sigs.k8s.io/cli-utils) for the built-in kinds and for conditions; where users of
other controllers expect more (a Job is not healthy before it is complete, a paused Deployment is suspended, a
crashing container is a failure), the file of the kind says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import HEALTH_ANNOTATION
from controller.model.objects import GroupKind, group_of
from controller.observe.health.anykind import anykind
from controller.observe.health.apiservice import apiservice
from controller.observe.health.cronjob import cronjob
from controller.observe.health.customresourcedefinition import customresourcedefinition
from controller.observe.health.daemonset import daemonset
from controller.observe.health.deployment import deployment
from controller.observe.health.horizontalpodautoscaler import horizontalpodautoscaler
from controller.observe.health.ingress import ingress
from controller.observe.health.job import job
from controller.observe.health.namespace import namespace
from controller.observe.health.node import node
from controller.observe.health.persistentvolume import persistentvolume
from controller.observe.health.persistentvolumeclaim import persistentvolumeclaim
from controller.observe.health.pod import pod
from controller.observe.health.poddisruptionbudget import poddisruptionbudget
from controller.observe.health.replicaset import replicaset
from controller.observe.health.service import service
from controller.observe.health.statefulset import statefulset
from controller.observe.health.verdict import counted, healthy, progressing, unknown
from controller.observe.health.view import Malformed, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.base import Json
    from controller.model.health import Health

RULES: dict[GroupKind, Callable[[View], Health]] = {
    GroupKind("", "Namespace"): namespace,
    GroupKind("", "Node"): node,
    GroupKind("", "PersistentVolume"): persistentvolume,
    GroupKind("", "PersistentVolumeClaim"): persistentvolumeclaim,
    GroupKind("", "Pod"): pod,
    GroupKind("", "ReplicationController"): replicaset,
    GroupKind("", "Service"): service,
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): customresourcedefinition,
    GroupKind("apiregistration.k8s.io", "APIService"): apiservice,
    GroupKind("apps", "DaemonSet"): daemonset,
    GroupKind("apps", "Deployment"): deployment,
    GroupKind("apps", "ReplicaSet"): replicaset,
    GroupKind("apps", "StatefulSet"): statefulset,
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): horizontalpodautoscaler,
    GroupKind("batch", "CronJob"): cronjob,
    GroupKind("batch", "Job"): job,
    GroupKind("networking.k8s.io", "Ingress"): ingress,
    GroupKind("policy", "PodDisruptionBudget"): poddisruptionbudget,
}
"""The kinds that have a rule of their own."""

BUILT_IN = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""Groups that Kubernetes itself serves: of their kinds without a rule, none reports health in its status."""

_BY_METADATA = frozenset({GroupKind("", "Namespace"), GroupKind("networking.k8s.io", "Ingress")})
"""Kinds whose verdict does not change with their body; only its sentence gains by it."""


def assess(body: Json) -> Health:
    """The verdict on one live object. Never raises: of what makes no sense, the health is Unknown.

    Of a kind that does not need its body, the metadata are enough.
    """
    try:
        return _assess(View(body))
    except Malformed as error:
        return unknown(str(error))


def needs_body(group: str, kind: str) -> bool:
    """Whether the verdict on this kind needs the whole object: not for kinds of Kubernetes without a health rule."""
    known = GroupKind(group, kind)
    if known in RULES:
        return known not in _BY_METADATA
    return group not in BUILT_IN


def ignored(body: Json) -> bool:
    """Whether the object's annotation keeps its health out of its Application's."""
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    return isinstance(annotations, dict) and annotations.get(HEALTH_ANNOTATION) == "ignore"


def _assess(body: View) -> Health:
    metadata = body.section("metadata")
    if metadata.section("annotations").raw(HEALTH_ANNOTATION) == "ignore":
        return healthy(f"It exists; its annotation {HEALTH_ANNOTATION} says that its health is not looked at.")
    known = GroupKind(group_of(body.text("apiVersion")), body.text("kind"))
    if not known.kind:
        return unknown("The object names no kind.")
    if metadata.has("deletionTimestamp"):
        return _leaving(metadata)
    if known in RULES:
        return RULES[known](body)
    if known.group in BUILT_IN:
        return healthy("It exists.")
    return anykind(body)


def _leaving(metadata: View) -> Health:
    waiting = metadata.length("finalizers")
    if waiting:
        return progressing(f"It is being deleted and waits for {counted(waiting, 'finalizer')}.")
    return progressing("It is being deleted.")
