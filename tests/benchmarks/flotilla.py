"""Further clusters of one controller: connected by kubeconfig Secrets, and told to be Ready before anything counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.benchmarks.limit import at_once
from tests.benchmarks.lookout import Lookout
from tests.ground.installation import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json

REACHED = 120.0
"""Seconds until every cluster must be Ready."""


async def connect(client: ApiCluster, kubeconfigs: Mapping[str, str]) -> None:
    """Create a Cluster and its Secret for each kubeconfig, and wait until all are Ready.

    Raises NotSeenError that names those which are not.
    """
    async with Lookout(client, API_VERSION, "Cluster") as clusters:
        bodies = [body for name, kubeconfig in kubeconfigs.items() for body in _connection(name, kubeconfig)]
        await at_once([lambda body=body: client.create(body) for body in bodies])  # type: ignore[misc]

        def missing() -> str:
            away = [name for name in kubeconfigs if not _is_ready(clusters.bodies.get(name, {}))]
            return f"{len(away)} clusters are not Ready: {', '.join(away[:3])}"

        await clusters.until(lambda seen: all(_is_ready(seen.get(name, {})) for name in kubeconfigs), REACHED, missing)


def _is_ready(body: Json) -> bool:
    conditions = (body.get("status") or {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _connection(name: str, kubeconfig: str) -> Sequence[Json]:
    """The Secret with the kubeconfig first, then the Cluster that names it."""
    reference = {"name": f"{name}-kubeconfig", "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": dict(reference), "stringData": {"kubeconfig": kubeconfig}},
        {
            "apiVersion": API_VERSION,
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"kubeconfigSecretRef": reference},
        },
    ]
