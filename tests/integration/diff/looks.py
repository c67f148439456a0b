"""Looks at objects as the loop takes them: claimed, asked about, compared, applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.apply.foresee import foresee
from controller.diff.ignored import left
from controller.diff.normalise import Ownership, claim
from controller.diff.plan import baseline_of, step_of
from controller.model.objects import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from controller.model.ignore import IgnoreDifference
    from controller.model.live import Baseline
    from controller.model.manifest import Manifest
    from controller.model.plan import Step

OWNERSHIP = Ownership("default", Key("team-pay", "shop"))


class Looks:
    """Looks at one namespace; `rules` are what is ignored, `requests` the verbs of what was asked."""

    def __init__(self, cluster: ApiCluster, namespace: str, requests: list[str]) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.requests = requests
        self.rules: Sequence[IgnoreDifference] = ()
        self.former: frozenset[str] = frozenset()

    def wish(self, body: Json, *, namespaced: bool = True) -> Manifest:
        """The object as ours."""
        return claim(
            body,
            "web.yaml",
            namespaced=namespaced,
            namespace=self.namespace,
            ownership=OWNERSHIP,
            ignored=self.rules,
        )

    async def plan(self, *bodies: Json, stood: bool = False, baseline: Baseline | None = None) -> list[Step]:
        """What a sync of these objects would do."""
        wishes = [self.wish(body) for body in bodies]
        foreseen = await foresee(self.cluster, wishes, wished=wishes, leave=left, former=self.former)
        return [step_of(wish, foreseen[wish.id], stood=stood, baseline=baseline) for wish in wishes]

    async def look(self, body: Json, *, stood: bool = True, baseline: Baseline | None = None) -> Step:
        """What a sync of one object would do; where it stood before, what it would do is heal."""
        (step,) = await self.plan(body, stood=stood, baseline=baseline)
        return step

    async def sync(self, body: Json) -> tuple[Json, Baseline]:
        """Sync one object: the server's answer, and what stands from then on."""
        step = await self.look(body, stood=False)
        assert step.manifest is not None
        answer = await self.cluster.apply(step.manifest.body)
        return answer, baseline_of(step.manifest, answer)

    async def live(self, body: Json) -> Json:
        """The live object."""
        wish = self.wish(body)
        found = await self.cluster.get(wish.id, wish.api_version)
        assert found is not None
        return found


def deployment(*, replicas: int | None = 2, containers: Sequence[Json] = (), **spec: Any) -> Json:
    """A Deployment of two containers, or of these."""
    labels = {"app": "web"}
    containers = containers or [container("web"), container("log")]
    pod = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    count = {} if replicas is None else {"replicas": replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": labels}, "template": pod, **count, **spec},
    }


def container(name: str, image: str = "nginx:1", **fields: Any) -> Json:
    """A container."""
    return {"name": name, "image": image, **fields}


def config_map(name: str = "settings", **data: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
