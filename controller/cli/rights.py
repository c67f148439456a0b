"""What a controller must be allowed, held against what the API server says we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json
    from controller.ports import Cluster

NEEDED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (GROUP, "applications", ("get", "list", "watch", "patch")),
    (GROUP, "applications/status", ("patch",)),
    (GROUP, "repositories", ("get", "list", "watch")),
    (GROUP, "repositories/status", ("patch",)),
    (GROUP, "clusters", ("get", "list", "watch")),
    (GROUP, "clusters/status", ("patch",)),
    ("", "secrets", ("get",)),
    ("", "events", ("create",)),
)
"""Group, resource and verbs."""


async def missing(cluster: Cluster, namespace: str) -> tuple[list[str], bool, bool]:
    """What of NEEDED is not allowed; whether not every kind may be written; whether the server told us all rules.

    By SelfSubjectRulesReview: one request, also for those who may do nothing else.
    """
    review = await cluster.create(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "metadata": {"generateName": "shipslog-"},
            "spec": {"namespace": namespace},
        }
    )
    status = review.get("status") or {}
    rules: list[Json] = status.get("resourceRules") or []
    needed = [
        f"{verb} {resource}{'.' + group if group else ''}"
        for group, resource, verbs in NEEDED
        for verb in verbs
        if not allows(rules, verb, group, resource)
    ]
    wide = not all(allows(rules, verb, "*", "*") for verb in ("get", "list", "watch", "create", "patch", "delete"))
    return needed, wide, not status.get("incomplete")


def allows(rules: Sequence[Json], verb: str, group: str, resource: str) -> bool:
    """Whether some rule allows it for objects of any name (rbac.authorization.k8s.io, as documented for Role)."""
    return any(
        not rule.get("resourceNames")
        and _matches(rule.get("verbs"), verb)
        and _matches(rule.get("apiGroups"), group)
        and (_matches(rule.get("resources"), resource) or f"*/{resource.partition('/')[2]}" in rule["resources"])
        for rule in rules
    )


def _matches(allowed: Any, wanted: str) -> bool:
    return isinstance(allowed, list) and (wanted in allowed or "*" in allowed)
