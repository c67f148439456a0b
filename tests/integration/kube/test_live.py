"""Live state on a real API server: what a missing permission costs, and kinds that come, change and go."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from controller.diff.ownership import ownership_digest
from controller.model.health import HealthStatus
from controller.model.health_check import HealthCheck
from controller.model.labels import OWNER_LABEL
from controller.model.objects import GroupKind, ObjectId
from controller.observe import live as live_module
from controller.observe import watches
from controller.observe.checks import Evaluator
from controller.observe.live import LiveState
from tests.integration.kube.objects import config_map, definition
from tests.integration.kube.reach import reached
from tests.integration.kube.test_discovery import CRDS, established, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane
    from tests.integration.kube.server import ApiServer

OWNER = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((watches, "RETRY"), (watches, "RETRY_UNKNOWN"), (live_module, "SCAN")):
        monkeypatch.setattr(module, name, 0.3)


class Told:
    """Live state, and the owners that it told of."""

    def __init__(self, cluster: ApiCluster, checker: Evaluator | None = None) -> None:
        self.moves: list[str] = []
        self.state = LiveState(
            cluster,
            ownership=ownership_digest,
            on_move=lambda owner, _: self.moves.append(owner),
            checker=checker,
        )

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until it holds."""
        try:
            async with asyncio.timeout(30):
                while not true():  # noqa: ASYNC110 - live state has no event for every change
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{what}: {self.state._views} {self.state._watches._refused}")


@contextlib.asynccontextmanager
async def running(cluster: ApiCluster, checker: Evaluator | None = None) -> AsyncIterator[Told]:
    """Live state for as long as the block lasts."""
    told = Told(cluster, checker)
    task = asyncio.create_task(told.state.run(), name="live")
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _owned(body: dict[str, Any]) -> dict[str, Any]:
    body["metadata"]["labels"] = {OWNER_LABEL: OWNER}
    return body


async def test_a_missing_permission_costs_its_kind_and_no_other(
    restricted: ApiCluster, plane: ControlPlane, cluster: ApiCluster, namespace: str
) -> None:
    """The kind is refused with the permission's name, its owner is told, others are watched; a grant mends it."""
    await cluster.apply(_owned(config_map(namespace, "seen")))
    roles = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}"
    rule = {"apiGroups": [""], "verbs": ["get", "list", "watch"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": namespace}}
    subject = {"kind": "ServiceAccount", "name": "nobody", "namespace": namespace}
    reference = {"kind": "ClusterRole", "name": namespace, "apiGroup": "rbac.authorization.k8s.io"}
    binding = role | {"kind": "ClusterRoleBinding", "subjects": [subject], "roleRef": reference}
    await asyncio.to_thread(plane.admin.apply, roles, role | {"rules": [rule | {"resources": ["configmaps"]}]})
    await asyncio.to_thread(plane.admin.apply, roles.replace("clusterroles", "clusterrolebindings"), binding)
    secrets, maps = GroupKind("", "Secret"), GroupKind("", "ConfigMap")

    async with running(restricted) as told:
        told.state.want([("v1", "Secret"), ("v1", "ConfigMap")], OWNER)
        await told.until(lambda: bool(told.state.refused(secrets)), "Secrets are refused")
        await told.until(lambda: told.state.watched(maps), "ConfigMaps are watched")
        assert "secrets" in told.state.refused(secrets)
        assert told.state.refusals == 1
        assert OWNER in told.moves
        assert told.state.view(ObjectId("", "ConfigMap", namespace, "seen"))

        grant = role | {"rules": [rule | {"resources": ["configmaps", "secrets"]}]}
        before = len(told.moves)
        await asyncio.to_thread(plane.admin.apply, roles, grant)
        await told.until(lambda: told.state.watched(secrets), "Secrets are watched")
        assert told.state.refusals == 0
        assert len(told.moves) > before


async def test_a_kind_may_come_change_its_version_and_go(
    cluster: ApiCluster, plane: ControlPlane, namespace: str
) -> None:
    """Installed under us, upgraded to another version alone, removed, and installed again: each is noticed."""
    kind = GroupKind("test.example", "Lifecycle")
    one = ObjectId("test.example", "Lifecycle", namespace, "one")
    body = _owned({"apiVersion": "test.example/v1", "kind": "Lifecycle", "metadata": {"name": "one"}})
    body["metadata"]["namespace"] = namespace

    async with running(cluster) as told:
        told.state.want([("test.example/v1", "Lifecycle")], OWNER)
        await told.until(lambda: "Lifecycle" in told.state.refused(kind), "the kind is missing")

        made = definition("lifecycles", "Lifecycle")
        await asyncio.to_thread(plane.admin.create, CRDS, made)
        await told.until(lambda: told.state.watched(kind), "the kind is watched")
        await cluster.apply(body)
        await told.until(lambda: told.state.view(one) is not None, "its object is seen")

        first = made["spec"]["versions"][0]
        second = first | {"name": "v2", "storage": True}
        versions = [first | {"served": False, "storage": False}, second]
        path = f"{CRDS}/lifecycles.test.example"
        await asyncio.to_thread(plane.admin.merge, path, {"spec": {"versions": versions}})
        changed = body | {"apiVersion": "test.example/v2", "spec": {"after": "the upgrade"}}

        async with asyncio.timeout(30):
            while await cluster.resource("test.example/v2", "Lifecycle") is None:
                cluster.forget()
        seen = told.state.view(one)
        assert seen is not None
        await cluster.apply(changed)
        await told.until(lambda: _version(told, one) != seen.resource_version, "the new version is followed")
        assert told.state.watched(kind)

        await asyncio.to_thread(plane.admin.delete, path)
        await told.until(lambda: told.state.view(one) is None, "its objects are gone")
        await told.until(lambda: bool(told.state.refused(kind)), "the kind is gone")
        before = len(told.moves)
        await asyncio.to_thread(plane.admin.create, CRDS, definition("lifecycles", "Lifecycle"))
        await told.until(lambda: told.state.watched(kind), "the kind is watched again")
        assert len(told.moves) > before


async def test_a_health_check_decides_and_a_changed_one_decides_anew(
    cluster: ApiCluster, plane: ControlPlane, namespace: str
) -> None:
    """By the watch, by a write of ours, and for objects that stand when the check changes."""
    await asyncio.to_thread(plane.admin.create, CRDS, definition("checkings", "Checking"))
    await until(lambda: established(plane, "checkings"))
    one = ObjectId("test.example", "Checking", namespace, "one")
    body = _owned({"apiVersion": "test.example/v1", "kind": "Checking", "metadata": {"name": "one"}})
    body["metadata"]["namespace"] = namespace

    def check(current: str) -> HealthCheck:
        return HealthCheck(api_version="test.example/v1", kind="Checking", current=current)

    evaluator = Evaluator()
    async with running(cluster, evaluator) as told:
        told.state.check(OWNER, [check("metadata.name == 'other'")])
        told.state.want([("test.example/v1", "Checking")], OWNER)
        await told.until(lambda: told.state.watched(one.group_kind), "the kind is watched")
        told.state.learn(await cluster.apply(body))
        await told.until(lambda: "not true yet" in _message(told, one), "the check decides")

        told.state.check(OWNER, [check("metadata.name == 'one'")])
        await told.until(lambda: _status(told, one) is HealthStatus.HEALTHY, "the new check decides")
        told.state.check(OWNER, [])
        await told.until(lambda: "reports no status" in _message(told, one), "the kind's own rule decides")
    await evaluator.close()


async def test_a_server_that_restarts_under_live_state_hides_nothing(
    cluster: ApiCluster, second_server: ApiServer, namespace: str
) -> None:
    """What was changed, made and deleted while it was away is known afterwards, and the owner was told."""
    for name in ("changes", "goes"):
        await cluster.apply(_owned(config_map(namespace, name)))
    goes, comes, changes = (ObjectId("", "ConfigMap", namespace, name) for name in ("goes", "comes", "changes"))
    async with reached(second_server.kubeconfig()) as by_second, running(by_second) as told:
        told.state.want([("v1", "ConfigMap")], OWNER)
        await told.until(lambda: told.state.watched(goes.group_kind), "it is watched")
        before = told.state.view(changes)
        assert before is not None
        await asyncio.to_thread(second_server.kill)
        await cluster.delete(goes, "v1")
        await cluster.apply(_owned(config_map(namespace, "comes")))
        await cluster.apply(config_map(namespace, "changes", colour="red"), manager="kubectl-edit")
        await asyncio.to_thread(second_server.start)
        await told.until(lambda: told.state.view(comes) is not None, "what came is known")
        await told.until(lambda: told.state.view(goes) is None, "what went is known")
        await told.until(lambda: _version(told, changes) != before.resource_version, "what changed is known")
        assert OWNER in told.moves


def _version(told: Told, id_: ObjectId) -> str:
    view = told.state.view(id_)
    return view.resource_version if view else ""


def _message(told: Told, id_: ObjectId) -> str:
    view = told.state.view(id_)
    return view.health.message if view else ""


def _status(told: Told, id_: ObjectId) -> HealthStatus | None:
    view = told.state.view(id_)
    return view.health.status if view else None
