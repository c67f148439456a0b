"""200 Applications of one real repository: a commit is rendered by those that it concerns, and by no one else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.fetch.repository import Repositories
from controller.model.helm import FileParameter, HelmOptions
from controller.model.kustomize import KustomizeOptions
from controller.model.objects import Key
from controller.model.ref import Ref
from controller.model.repository import Repository, RepositorySpec
from controller.render import Renderer, RenderRequest
from tests.ground.git_repository import BareRepository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.ground.git_repository import Worktree

MONO = Key("team-pay", "mono")
BASES = ("web", "worker", "cron")
OVERLAYS = [f"o{n}" for n in range(90)]
CHARTS = [f"c{n}" for n in range(60)]
PLAIN = [f"p{n}" for n in range(50)]


def base_of(name: str) -> str:
    """Which base an overlay has."""
    return BASES[int(name[1:]) % len(BASES)]


def config(name: str, value: str = "1") -> str:
    """A ConfigMap."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{x: '{value}'}}\n"


def monorepo() -> dict[str, str | bytes | None]:
    """Overlays of three bases with a shared component, charts with shared values and a shared file, plain files."""
    files: dict[str, str | bytes | None] = {
        "README.md": "all of it",
        "shared/motto.txt": "one",
        "shared/values.yaml": "",
    }
    files["components/quota/kustomization.yaml"] = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [quota.yaml]\n"
    )
    files["components/quota/quota.yaml"] = config("quota")
    for base in BASES:
        files[f"bases/{base}/kustomization.yaml"] = "resources: [all.yaml]\n"
        files[f"bases/{base}/all.yaml"] = config(base)
    for name in OVERLAYS:
        files[f"apps/{name}/base/kustomization.yaml"] = f"resources: [../../../bases/{base_of(name)}]\n"
        files[f"apps/{name}/overlays/prod/kustomization.yaml"] = f"resources: [../../base]\nnamePrefix: {name}-\n"
    for name in CHARTS:
        files[f"charts/{name}/Chart.yaml"] = f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n"
        files[f"charts/{name}/templates/a.yaml"] = config(name, "{{ .Values.motto }}{{ .Values.colour }}")
    for name in PLAIN:
        files[f"plain/{name}/a.yaml"] = config(name)
    return files


def requests() -> dict[str, RenderRequest]:
    """One Application each: every third overlay has the component, every fifth chart the shared file."""
    found = {}
    for name in OVERLAYS:
        parts = ("../../../../components/quota",) if int(name[1:]) % 3 == 0 else ()
        options = KustomizeOptions(components=parts)
        found[name] = RenderRequest(root=f"apps/{name}/overlays/prod", name=name, kustomize=options)
    for name in CHARTS:
        motto = (FileParameter(name="motto", path="../../shared/motto.txt"),) if int(name[1:]) % 5 == 0 else ()
        chart = HelmOptions(
            value_files=("../../shared/values.yaml", "values-prod.yaml"),
            ignore_missing_value_files=True,
            file_parameters=motto,
        )
        found[name] = RenderRequest(root=f"charts/{name}", name=name, helm=chart)
    return found | {name: RenderRequest(root=f"plain/{name}", name=name) for name in PLAIN}


class Fleet:
    """All Applications on the mirror of the repository; `rendered` is who was rendered since it was asked last."""

    def __init__(self, renderer: Renderer, repositories: Repositories, work: Worktree) -> None:
        self._renderer = renderer
        self._repositories = repositories
        self._work = work
        self.requests = requests()

    async def rendered_after(self, files: Mapping[str, str | bytes | None]) -> set[str]:
        """Push a commit, and have every Application look at it; those that cost a rendering."""
        sha = await asyncio.to_thread(self._work.publish, files, "A change")
        loop = asyncio.get_running_loop()
        assert (await self._repositories.revision(MONO, Ref(), fresh_since=loop.time())).sha == sha
        found = set()
        for name, request in self.requests.items():
            before = self._renderer.misses
            await self._renderer.render(self._repositories.tree(MONO, sha), request)
            if self._renderer.misses != before:
                found.add(name)
        return found


@pytest.fixture
async def fleet(renderer: Renderer, tmp_path: Path) -> AsyncIterator[Fleet]:
    """The fleet, before its first look."""
    bare = await asyncio.to_thread(BareRepository.create, tmp_path / "mono.git", "")
    work = await asyncio.to_thread(bare.worktree, tmp_path / "work")
    async with asyncio.TaskGroup() as group:
        repositories = Repositories(group, tmp_path / "mirrors", file_urls=True)
        repositories.ensure(Repository(MONO, "uid", 1, RepositorySpec(url=bare.file_url, interval="1h")), None)
        try:
            yield Fleet(renderer, repositories, work)
        finally:
            await repositories.close()


async def test_a_commit_is_rendered_by_those_that_it_concerns(fleet: Fleet) -> None:
    """Counted for every kind of change: a shared base, component, file and values, an own file, one beside all."""
    everyone = set(fleet.requests)
    assert len(everyone) == 200
    assert await fleet.rendered_after(monorepo()) == everyone

    assert await fleet.rendered_after({"README.md": "changed", "docs/new.md": "new"}) == set()
    assert await fleet.rendered_after({"bases/web/all.yaml": config("web", "2")}) == {
        name for name in OVERLAYS if base_of(name) == "web"
    }
    assert await fleet.rendered_after({"bases/web/notes.md": "beside it", "bases/new/all.yaml": config("new")}) == set()
    assert await fleet.rendered_after({"components/quota/quota.yaml": config("quota", "2")}) == {
        name for name in OVERLAYS if int(name[1:]) % 3 == 0
    }
    assert await fleet.rendered_after({"apps/o7/overlays/prod/kustomization.yaml": "resources: [../../base]\n"}) == {
        "o7"
    }
    assert await fleet.rendered_after({"shared/motto.txt": "two"}) == {
        name for name in CHARTS if int(name[1:]) % 5 == 0
    }
    assert await fleet.rendered_after({"shared/values.yaml": "colour: red\n"}) == set(CHARTS)
    assert await fleet.rendered_after({"charts/c3/values-prod.yaml": "colour: blue\n"}) == {"c3"}
    assert await fleet.rendered_after({"plain/p1/b.yaml": config("more")}) == {"p1"}
    assert await fleet.rendered_after({"plain/p2/a.yaml": None, "plain/p2/c.yaml": config("p2")}) == {"p2"}
    cron = {name for name in OVERLAYS if base_of(name) == "cron"}
    assert await fleet.rendered_after({"bases/cron/all.yaml": config("cron", "2")}) == cron
    assert await fleet.rendered_after({"bases/cron/all.yaml": config("cron")}) == set(), "it went back: it is known"
