"""What was read decides whether to render again, not the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.render import EnginePool, Helm, Plain, Renderer, RenderError, RenderRequest
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
FILES = {
    "apps/shop/kustomization.yaml": "resources: [../../base]\nconfigMapGenerator: [{name: c, files: [../../x.conf]}]\n",
    "base/kustomization.yaml": "resources: [a.yaml]\n",
    "base/a.yaml": CONFIG,
    "base/README.md": "not read",
    "x.conf": "x",
    "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "chart/templates/a.yaml": CONFIG + "data: {v: {{ .Capabilities.KubeVersion.Version }}}\n",
    "plain/a.yaml": CONFIG,
    "plain/notes.txt": "not read",
    "plain/deep/b.yaml": CONFIG.replace("a}", "b}"),
}
TREE = MemoryTree(FILES)
SHOP = RenderRequest(root="apps/shop")
CHART = RenderRequest(root="chart", kube_version="v1.36.0")
PLAIN = RenderRequest(root="./plain/")


@pytest.mark.parametrize(
    ("request_", "changed", "hit"),
    [
        (SHOP, {"README.md": "x"}, True),
        (SHOP, {"apps/other/kustomization.yaml": "x"}, True),
        (SHOP, {"base/README.md": "changed"}, True),
        (SHOP, {"apps/shop/notes.txt": "beside it"}, True),
        (SHOP, {"base/a.yaml": CONFIG + "data: {}\n"}, False),
        (SHOP, {"x.conf": "y"}, False),
        (SHOP, {"base/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: p-\n"}, False),
        (SHOP, {"apps/shop/Chart.yaml": FILES["chart/Chart.yaml"]}, False),
        (CHART, {"base/a.yaml": "x"}, True),
        (CHART, {"chart/values.yaml": "a: 1\n"}, False),
        (PLAIN, {"plain/deep/b.yaml": "x"}, True),
        (PLAIN, {"plain/a.yaml": CONFIG + "data: {}\n"}, False),
        (PLAIN, {"plain/c.yaml": CONFIG.replace("a}", "c}")}, False),
    ],
)
async def test_only_a_commit_that_touches_what_was_read_is_rendered(
    request_: RenderRequest, changed: dict[str, str], hit: bool, renderer: Renderer
) -> None:
    """A commit elsewhere costs look-ups; one that matters is rendered, also when it adds a file looked for in vain."""
    first = await renderer.render(TREE, request_)
    second = await renderer.render(TREE.with_files(changed), request_)

    assert (renderer.hits, renderer.misses) == ((1, 1) if hit else (0, 2))
    assert (second is first) == hit


async def test_a_commit_that_goes_back_is_not_rendered_again(renderer: Renderer) -> None:
    """Several contents of one request are kept."""
    other = TREE.with_files({"base/a.yaml": CONFIG + "data: {}\n"})
    first = await renderer.render(TREE, SHOP)
    await renderer.render(other, SHOP)

    back = await renderer.render(TREE, SHOP)

    assert back.digest == first.digest
    assert renderer.hits == 1


async def test_parameters_are_part_of_the_key(renderer: Renderer) -> None:
    """Values, names and namespaces of one Application are not another's."""
    digests = [
        (await renderer.render(TREE, request)).digest
        for request in (
            CHART,
            RenderRequest(root="chart", kube_version="v1.35.0"),
            RenderRequest(root="chart", kube_version="v1.36.0", namespace="other"),
            RenderRequest(root="chart", kube_version="v1.36.0", helm=Helm(values={"a": 1})),
            RenderRequest(root="chart", kube_version="v1.36.0", plain=Plain(recurse=True)),
        )
    ]

    assert renderer.hits == 0
    assert digests[0] != digests[1]


async def test_an_upgrade_of_the_cluster_renders_only_charts_again(renderer: Renderer) -> None:
    """Nothing but a chart sees the cluster's version."""
    for version in ("v1.35.0", "v1.36.0"):
        for root in ("apps/shop", "plain", "chart"):
            await renderer.render(TREE, RenderRequest(root=root, kube_version=version))

    assert (renderer.hits, renderer.misses) == (2, 4)


async def test_a_chart_that_does_not_ask_for_the_cluster_is_not_rendered_for_it(renderer: Renderer) -> None:
    """A definition that somebody installs must not make other random passwords of a chart that never looks."""
    tree = TREE.with_files({"chart/templates/a.yaml": CONFIG + "data: {p: {{ randAlpha 9 }}}\n"})
    first = await renderer.render(tree, CHART)

    grown = RenderRequest(root="chart", kube_version="v1.37.0", api_versions=("example.com/v1",))
    assert await renderer.render(tree, grown) is first

    asks = RenderRequest(root="chart", kube_version="v1.37.0", helm=Helm(values={"x": "{{ .Capabilities }}"}))
    before = await renderer.render(tree, asks)
    other = RenderRequest(root="chart", kube_version="v1.38.0", helm=asks.helm)
    assert (await renderer.render(tree, other)).digest != before.digest


async def test_applications_share_what_does_not_depend_on_their_names(renderer: Renderer) -> None:
    """Two Applications of one directory are rendered once; a chart's release is called as its Application."""
    for root, rendered in (("apps/shop", 1), ("plain", 1), ("chart", 2)):
        before = renderer.misses
        for name in ("one", "two"):
            await renderer.render(TREE, RenderRequest(root=root, name=name))
        assert renderer.misses - before == rendered, root


async def test_a_chart_is_kept_for_each_of_many_releases(renderer: Renderer) -> None:
    """One chart that a hundred Applications use is rendered a hundred times, not at every look."""
    for _ in range(2):
        for n in range(100):
            await renderer.render(TREE, RenderRequest(root="chart", name=f"a{n}"))

    assert (renderer.hits, renderer.misses) == (100, 100)


async def test_a_large_repository_costs_only_what_is_read(renderer: Renderer) -> None:
    """Neither rendering nor a hit looks at the other directories of a monorepo."""
    tree = TREE.with_files({f"apps/a{n}/kustomization.yaml": "" for n in range(200)})

    await renderer.render(tree, SHOP)

    read = set(tree.asked)
    assert not any(path.startswith("apps/a") for path in read)
    assert len(tree.asked) < 60


async def test_a_refusal_is_remembered_for_its_commit(renderer: Renderer) -> None:
    """A look that comes for another reason costs no second rendering; another commit does, wherever it changed."""
    broken = TREE.with_files({"broken/a.yaml": "a: [\n"})
    request = RenderRequest(root="broken")
    for _ in range(3):
        with pytest.raises(RenderError, match="broken/a"):
            await renderer.render(broken, request)
    assert renderer.misses == 1

    mended = broken.with_files({"broken/a.yaml": CONFIG})

    assert len((await renderer.render(mended, request)).objects) == 1


async def test_the_cache_is_bounded_in_bytes_and_forgets_the_oldest(engine: Path) -> None:
    """The least recently used goes first; what would not come out the same is kept longest."""
    random = {
        "r/Chart.yaml": FILES["chart/Chart.yaml"],
        "r/templates/a.yaml": CONFIG + "data: {p: {{ randAlpha 9 }}}\n",
    }
    big = {f"b{n}/a.yaml": CONFIG + f"data: {{x: {'x' * 5_000}}}\n" for n in range(20)}
    tree = MemoryTree({**random, **big})
    async with EnginePool(engine, size=1) as pool:
        renderer = Renderer(pool, cache_bytes=40_000)
        password = (await renderer.render(tree, RenderRequest(root="r"))).digest
        for n in range(20):
            await renderer.render(tree, RenderRequest(root=f"b{n}"))
        assert renderer.cached_bytes <= 40_000
        misses = renderer.misses
        await renderer.render(tree, RenderRequest(root="b19"))
        assert renderer.misses == misses
        await renderer.render(tree, RenderRequest(root="b0"))
        assert renderer.misses == misses + 1
        assert (await renderer.render(tree, RenderRequest(root="r"))).digest == password


async def test_the_digest_ignores_order_and_place_but_no_content(renderer: Renderer) -> None:
    """The same objects from other files have the same digest."""
    b = CONFIG.replace("a}", "b}")
    one = await renderer.render(MemoryTree({"1.yaml": CONFIG, "2.yaml": b}), RenderRequest(root=""))
    two = await renderer.render(MemoryTree({"x.yaml": f"{b}---\n{CONFIG}"}), RenderRequest(root=""))
    three = await renderer.render(MemoryTree({"x.yaml": f"{b}---\n{CONFIG}data: {{}}\n"}), RenderRequest(root=""))

    assert one.digest == two.digest
    assert one.digest != three.digest
