"""The order of writing."""

from __future__ import annotations

from controller.apply.order import is_foundation, ordered, ranks, reversed_ranks
from controller.model.objects import ObjectId
from controller.model.plan import Action, Step


def _step(kind: str, name: str = "a", group: str = "") -> Step:
    return Step(ObjectId(group, kind, "ns", name), "v1", Action.CREATE)


KINDS = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "Role",
    "PersistentVolumeClaim",
    "Service",
    "RoleBinding",
    "Deployment",
    "Job",
    "Ingress",
    "Lighthouse",
    "ValidatingWebhookConfiguration",
)


def test_what_others_need_is_written_first_and_what_can_refuse_last() -> None:
    """Namespaces, definitions, accounts and configuration, then what runs; unknown kinds; webhooks."""
    steps = [_step(kind) for kind in reversed(KINDS)]

    assert tuple(step.id.kind for step in ordered(steps)) == KINDS


def test_steps_of_one_kind_share_a_rank_in_the_order_of_their_names() -> None:
    """A rank may be written side by side; two unknown kinds share one as well."""
    steps = [_step("ConfigMap", "b"), _step("Beta"), _step("Alpha"), _step("ConfigMap", "a")]

    groups = [[(step.id.kind, step.id.name) for step in rank] for rank in ranks(steps)]

    assert groups == [[("ConfigMap", "a"), ("ConfigMap", "b")], [("Alpha", "a"), ("Beta", "a")]]


def test_kinds_that_do_not_need_each_other_are_written_side_by_side() -> None:
    """A Service is slow to make: configuration does not wait for it, Pods do, as they get its address."""
    groups = [[step.id.kind for step in rank] for rank in ranks([_step(kind) for kind in KINDS])]

    assert groups == [
        ["Namespace"],
        ["CustomResourceDefinition"],
        ["ServiceAccount", "Secret", "ConfigMap", "Role", "PersistentVolumeClaim", "Service"],
        ["RoleBinding"],
        ["Deployment", "Job"],
        ["Ingress"],
        ["Lighthouse"],
        ["ValidatingWebhookConfiguration"],
    ]


def test_deletion_runs_backwards() -> None:
    """Last written goes first."""
    steps = [_step("Namespace"), _step("Deployment"), _step("ConfigMap")]

    assert [rank[0].id.kind for rank in reversed_ranks(steps)] == ["Deployment", "ConfigMap", "Namespace"]


def test_only_the_real_foundations_are_foundations() -> None:
    """A custom kind that is called Namespace is no Namespace."""
    assert is_foundation(_step("Namespace"))
    assert is_foundation(_step("CustomResourceDefinition", group="apiextensions.k8s.io"))
    assert not is_foundation(_step("Namespace", group="example.com"))
