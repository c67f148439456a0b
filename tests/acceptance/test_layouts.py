"""Repositories as people have them: laid out for Argo CD, and laid out for Flux."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.acceptance.layouts import argo_cd, flux
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World


def test_a_repository_laid_out_for_argo_cd_is_synced(world: World, controller: ControllerProcess) -> None:
    """Overlays of two applications in two environments, an umbrella chart with a file per environment, a directory."""
    del controller
    worktree = world.repository()
    worktree.publish(argo_cd(), "everything")
    applications: dict[str, tuple[str, str, dict[str, Any]]] = {}
    for env in ("dev", "prod"):
        world.objects.namespace(env)
        for name in ("web", "api"):
            applications[f"{name}-{env}"] = (f"apps/{name}/overlays/{env}", env, {})
        helm = {"helm": {"releaseName": "search", "valueFiles": [f"values-{env}.yaml"]}}
        applications[f"search-{env}"] = ("charts/search", env, helm)
    plain = {"plain": {"recurse": True, "exclude": ["*draft*"]}}
    applications["dashboards"] = ("dashboards", "prod", plain)
    for name, (path, namespace, source) in applications.items():
        world.application(name, path=path, source=source, destination={"namespace": namespace})
    world.await_ready(*applications)

    for env, replicas in (("dev", 1), ("prod", 3)):
        for name in ("web", "api"):
            found = _spec(world, env, f"{name}-{env}")
            assert (found["replicas"], found["revisionHistoryLimit"]) == (replicas, replicas)
            assert found["template"]["spec"]["containers"][0]["image"] == f"nginx:{replicas}.0"
        settings = [one for one in world.objects.list("v1", "ConfigMap", env) if "mode" in (one.get("data") or {})]
        assert [one["data"]["mode"] for one in settings] == [env, env]
        assert settings[0]["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shop"
    assert _data(world, "dev", "search-engine") == {"env": "dev", "size": "small"}
    assert _data(world, "prod", "search-engine") == {"env": "prod", "size": "large"}
    assert _data(world, "prod", "search-cache") == {"env": "prod", "size": "2"}
    assert world.objects.get("v1", "ConfigMap", "dev", "search-cache") is None
    names = {one["metadata"]["name"] for one in world.objects.list("v1", "ConfigMap", "prod")}
    assert names >= {"one", "two"}
    assert "draft" not in names

    head = worktree.publish({"charts/search/values-dev.yaml": "global: {env: test}\n"}, "one environment")
    world.await_ready("search-dev", revision=head)
    assert _data(world, "dev", "search-engine")["env"] == "test"
    assert _data(world, "prod", "search-engine")["env"] == "prod"


def test_a_repository_laid_out_for_flux_is_synced(world: World, controller: ControllerProcess) -> None:
    """One Application is the cluster's directory; it brings one per layer, in order, with variables."""
    del controller
    worktree = world.repository("fleet")
    worktree.publish(flux(), "everything")
    world.application("cluster", repository="fleet", path="clusters/production", destination={"namespace": TEAM})
    world.await_ready("cluster", "controllers", "configs", "apps", seconds=60)

    rocket = world.objects.get("example.com/v1", "Rocket", "default", "saturn")
    assert rocket is not None
    assert rocket["spec"] == {"pad": "39A", "zone": "eu-2"}
    shop = _spec(world, "shop", "shop")
    assert shop["replicas"] == 2
    container = shop["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "URL", "value": "https://production.example.com"}]
    assert _data(world, "shop", "alerts") == {"text": "at ${host} since ${since}"}

    settings = flux()["clusters/production/settings.yaml"]
    worktree.publish({"clusters/production/settings.yaml": settings.replace("'2'", "'4'")}, "more of it")
    eventually(lambda: _spec(world, "shop", "shop")["replicas"] == 4, "variables that Git has count, too")


def _data(world: World, namespace: str, name: str) -> Any:
    found = world.objects.get("v1", "ConfigMap", namespace, name)
    assert found is not None
    return found["data"]


def _spec(world: World, namespace: str, name: str) -> Any:
    found = world.objects.get("apps/v1", "Deployment", namespace, name)
    assert found is not None, f"Deployment {namespace}/{name}"
    return found["spec"]
