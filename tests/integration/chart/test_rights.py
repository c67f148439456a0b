"""What the chart's ServiceAccount may do, asked of a real API server with its own token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from controller.cli import rights
from tests.controlplane import token
from tests.controlplane.admin import Admin
from tests.integration.chart.helm import NAMESPACE, Helm

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.controlplane import ControlPlane

OURS = "shipslog.dev"
LEAST = {"rbac": {"clusterAdmin": False}}


@dataclass(frozen=True)
class Right:
    """A verb on a resource; `namespace` is empty for all of them."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group} in {self.namespace or 'all'}"

    def attributes(self) -> dict[str, str]:
        """As a SelfSubjectAccessReview asks for it."""
        resource, _, subresource = self.resource.partition("/")
        asked = {"verb": self.verb, "resource": resource, "subresource": subresource}
        return asked | {"group": self.group, "namespace": self.namespace}


NEEDED = [
    *(Right(verb, resource, group) for group, resource, verbs in rights.NEEDED for verb in verbs),
    # `shipslog doctor`, run in the Pod, compares our kinds with its own.
    Right("get", "customresourcedefinitions", "apiextensions.k8s.io"),
    *(
        Right(verb, "leases", "coordination.k8s.io", NAMESPACE)
        for verb in ("get", "list", "watch", "create", "patch", "update", "delete")
    ),
]
NEVER = [
    Right("list", "secrets"),
    Right("watch", "secrets"),
    Right("create", "secrets"),
    Right("patch", "repositories", OURS),
    Right("delete", "applications", OURS),
    Right("patch", "clusters", OURS),
    Right("create", "deployments", "apps"),
    Right("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
    Right("create", "pods"),
    Right("create", "pods/exec"),
    Right("create", "leases", "coordination.k8s.io", "default"),
    Right("patch", "customresourcedefinitions", "apiextensions.k8s.io"),
    Right("impersonate", "users"),
]


@pytest.fixture
def controller(plane: ControlPlane, admin: Admin) -> Any:
    """A function that gives the API server as the chart's ServiceAccount sees it."""
    del admin
    return lambda: Admin(plane.url, token(plane, NAMESPACE, "shipslog"), plane.ca_file)


def allowed(server: Admin, right: Right) -> bool:
    """Whether whoever asks has the right."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": right.attributes()},
    }
    answer = server.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def missing(server: Admin, rights: list[Right]) -> list[str]:
    """Those of the rights that are not there."""
    return [str(right) for right in rights if not allowed(server, right)]


def test_the_controller_may_do_its_own_work_and_no_more(helm: Helm, controller: Any, database: Json) -> None:
    """Without cluster-admin it has what it needs for its own kinds, and nothing to apply with."""
    del database
    helm.install(LEAST)
    server = controller()
    assert missing(server, NEEDED) == []
    assert [str(right) for right in NEVER if allowed(server, right)] == []


def test_the_default_lets_applications_bring_anything(helm: Helm, controller: Any, database: Json) -> None:
    """By default whatever is in Git can be applied, roles and kinds of their own included."""
    del database
    helm.install()
    anything = [Right(verb, "*", "*") for verb in ("get", "list", "watch", "create", "patch", "delete")]
    assert (
        missing(controller(), [*NEEDED, *anything, Right("escalate", "clusterroles", "rbac.authorization.k8s.io")])
        == []
    )


def test_listed_rules_are_what_applications_may_bring(helm: Helm, controller: Any, database: Json) -> None:
    """With rules of one's own the controller applies those kinds and no other."""
    del database
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch", "create", "patch"]}
    helm.install({"rbac": {"clusterAdmin": False, "rules": [rule]}})
    server = controller()
    assert missing(server, [*NEEDED, Right("create", "deployments", "apps")]) == []
    assert not allowed(server, Right("delete", "deployments", "apps"))
    assert not allowed(server, Right("create", "statefulsets", "apps"))


def test_secrets_can_be_limited_to_some_namespaces(helm: Helm, admin: Admin, controller: Any, database: Json) -> None:
    """Where the namespaces of credentials are known, no other Secret can be read."""
    del database
    for name in ("team-pay", "team-sell"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        admin.create("/api/v1/namespaces", namespace)
    helm.install({"rbac": {"clusterAdmin": False, "secretNamespaces": ["team-pay"]}})
    server = controller()
    assert allowed(server, Right("get", "secrets", namespace="team-pay"))
    assert not allowed(server, Right("list", "secrets", namespace="team-pay"))
    assert not allowed(server, Right("get", "secrets", namespace="team-sell"))
    assert not allowed(server, Right("get", "secrets"))


def test_only_the_controllers_pod_carries_a_token(helm: Helm, admin: Admin, database: Json) -> None:
    """A Pod that someone else starts as the ServiceAccount has to ask for its token; the controller's own has it."""
    del database
    helm.install()
    account = admin.get(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/shipslog")
    assert account["automountServiceAccountToken"] is False
    pod = admin.get(f"/api/v1/namespaces/{NAMESPACE}/pods/shipslog-0")
    assert any("serviceAccountToken" in str(volume) for volume in pod["spec"]["volumes"])
