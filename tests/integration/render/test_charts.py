"""What is particular to charts: hooks, places, values, versions, and errors in templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.render import Helm, Hook, RenderError, RenderRequest
from tests.integration.render.command import FIXTURES
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from controller.render import Renderer

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def chart(**more: str) -> MemoryTree:
    """A chart in the directory `chart`; the names' `__` is a slash, and `_yaml` their ending."""
    files = {"chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"}
    files |= {f"chart/{name.replace('__', '/').replace('_yaml', '.yaml')}": text for name, text in more.items()}
    return MemoryTree(files)


async def refusal(renderer: Renderer, tree: MemoryTree, **request: Any) -> RenderError:
    """Return the error of what can't be rendered."""
    with pytest.raises(RenderError) as caught:
        await renderer.render(tree, RenderRequest(root="chart", **request))
    return caught.value


async def test_hooks_are_marked_with_what_their_annotations_say(renderer: Renderer) -> None:
    """Tests are hooks, too; what is no hook is not marked."""
    rendered = await renderer.render(MemoryTree.of(FIXTURES / "helm" / "hooks"), RenderRequest(root="", name="shop"))

    hooks = {one.body["metadata"]["name"]: one.hook for one in rendered.objects if one.body["kind"] != "ServiceAccount"}
    assert hooks["app"] is None
    assert hooks["shop-migrate"] == Hook(
        events=("pre-install", "pre-upgrade"), weight=5, delete_policies=("before-hook-creation", "hook-succeeded")
    )
    assert hooks["shop-check"] == hooks["shop-old"] == Hook(events=("test",), weight=0, delete_policies=())


async def test_an_unknown_hook_is_left_out_with_a_warning(renderer: Renderer) -> None:
    """Helm leaves it out silently."""
    hook = CONFIG.replace("a}", "a, annotations: {helm.sh/hook: someday}}")

    rendered = await renderer.render(chart(templates__a_yaml=hook), RenderRequest(root="chart"))

    assert rendered.objects == ()
    assert any("someday" in warning for warning in rendered.warnings)


async def test_every_object_names_its_template(renderer: Renderer) -> None:
    """Relative to the repository, also below a subchart."""
    rendered = await renderer.render(MemoryTree.of(FIXTURES / "helm"), RenderRequest(root="umbrella", name="x"))

    sources = {one.source for one in rendered.objects}
    assert sources == {
        "umbrella/templates/info.yaml",
        "umbrella/charts/database/templates/statefulset.yaml",
        "umbrella/charts/sessions/templates/pod.yaml",
    }


async def test_crds_come_first_and_may_be_left_out(renderer: Renderer) -> None:
    """As in an install, with those of subcharts."""
    tree = MemoryTree.of(FIXTURES / "helm")

    rendered = await renderer.render(tree, RenderRequest(root="definitions"))
    without = await renderer.render(tree, RenderRequest(root="definitions", helm=Helm(skip_crds=True)))

    kinds = [one.body["kind"] for one in rendered.objects]
    assert kinds[:3] == ["CustomResourceDefinition"] * 3
    assert rendered.objects[0].source == "definitions/crds/widgets.yaml"
    assert len(without.objects) == len(rendered.objects) - 3


async def test_the_release_is_named_after_the_application(renderer: Renderer) -> None:
    """Unless the spec names it; the namespace is the destination's."""
    tree = chart(templates__a_yaml=CONFIG.replace("a}", "{{ .Release.Name }}.{{ .Release.Namespace }}}"))

    named = await renderer.render(tree, RenderRequest(root="chart", name="shop", namespace="prod"))
    other = await renderer.render(
        tree, RenderRequest(root="chart", name="shop", namespace="prod", helm=Helm(release_name="mine"))
    )

    assert named.objects[0].body["metadata"]["name"] == "shop.prod"
    assert other.objects[0].body["metadata"]["name"] == "mine.prod"


async def test_inline_values_win_over_files_and_files_over_the_chart(renderer: Renderer) -> None:
    """Later files win over earlier ones."""
    tree = chart(
        values_yaml="a: chart\nb: chart\nc: chart\nd: chart\n",
        one_yaml="b: one\nc: one\nd: one\n",
        two_yaml="c: two\nd: two\n",
        templates__a_yaml=CONFIG + "data: {all: '{{ .Values.a }} {{ .Values.b }} {{ .Values.c }} {{ .Values.d }}'}\n",
    )

    rendered = await renderer.render(
        tree, RenderRequest(root="chart", helm=Helm(value_files=("one.yaml", "two.yaml"), values={"d": "inline"}))
    )

    assert rendered.objects[0].body["data"]["all"] == "chart one two inline"


async def test_a_missing_values_file_is_an_error_unless_it_may_be_missing(renderer: Renderer) -> None:
    """And its absence is a dependency: once it is committed, the chart is rendered again."""
    tree = chart(templates__a_yaml=CONFIG + "data: {x: {{ .Values.x | default 0 | quote }}}\n")
    optional = RenderRequest(root="chart", helm=Helm(value_files=("/env/prod.yaml",), ignore_missing_value_files=True))

    error = await refusal(renderer, tree, helm=Helm(value_files=("/env/prod.yaml",)))
    before = await renderer.render(tree, optional)
    after = await renderer.render(tree.with_files({"env/prod.yaml": "x: 1\n"}), optional)

    assert "env/prod.yaml" in error.message
    assert before.objects[0].body["data"] == {"x": "0"}
    assert after.objects[0].body["data"] == {"x": "1"}


async def test_a_chart_for_another_version_of_kubernetes_is_an_error(renderer: Renderer) -> None:
    """It says which one the chart wants, and which one the cluster has."""
    picky = chart(Chart_yaml="apiVersion: v2\nname: x\nversion: 0.1.0\nkubeVersion: '>=1.40'\n")

    error = await refusal(renderer, picky, kube_version="v1.36.3")

    assert ">=1.40" in error.message
    assert "v1.36.3" in error.message
    assert error.object == "kubeVersion"


async def test_a_library_chart_is_an_error(renderer: Renderer) -> None:
    """It is no Application by itself."""
    error = await refusal(renderer, chart(Chart_yaml="apiVersion: v2\nname: x\nversion: 0.1.0\ntype: library\n"))

    assert error.object == "type"


async def test_values_that_do_not_meet_the_schema_are_named(renderer: Renderer) -> None:
    """Also a subchart's."""
    tree = MemoryTree.of(FIXTURES / "helm")
    values = {"port": "high", "inner": {"size": "large"}}

    with pytest.raises(RenderError) as caught:
        await renderer.render(tree, RenderRequest(root="schema", helm=Helm(values=values)))
    skipped = await renderer.render(
        tree, RenderRequest(root="schema", helm=Helm(values=values, skip_schema_validation=True))
    )

    assert "/port" in caught.value.message
    assert "/size" in caught.value.message
    assert skipped.objects


@pytest.mark.parametrize(
    ("template", "line", "word"),
    [
        ("a: {{ .Values.x.y }}\n", 1, "nil pointer"),
        ('a: 1\nb: {{ fail "broken" }}\n', 2, "broken"),
        ('a: 1\n\nb: {{ required "x is needed" .Values.x }}\n', 3, "x is needed"),
        ("a: 1\n{{ if }}\n", 2, "missing value for if"),
        ("a: {{ nothing }}\n", 1, "not defined"),
        ("a: [\n", 0, "not valid YAML"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a}\na: 1\na: 2\n", 0, "stands twice"),
        ("replicaCount: 1\n", 0, "neither apiVersion nor kind"),
    ],
)
async def test_an_error_in_a_template_names_its_file_and_line(
    template: str, line: int, word: str, renderer: Renderer
) -> None:
    """In a subchart as well; a mistake in what a template renders to has no line in the template."""
    for files in (
        chart(templates__sub__a_yaml=template),
        chart(charts__inner__Chart_yaml="name: inner\nversion: 0.1.0\n", charts__inner__templates__a_yaml=template),
    ):
        error = await refusal(renderer, files)
        assert word in error.message
        assert error.file in ("chart/templates/sub/a.yaml", "chart/charts/inner/templates/a.yaml")
        assert error.line == line


async def test_a_chart_without_what_a_chart_needs_is_an_error(renderer: Renderer) -> None:
    """A version and a name."""
    error = await refusal(renderer, chart(Chart_yaml="apiVersion: v2\nname: x\n"))

    assert "version" in error.message
    assert error.file == "chart/Chart.yaml"
