"""What counts as a manifest, and what is said of what doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.render import Plain, RenderError, RenderRequest
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from controller.render import Renderer

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
ROOT = RenderRequest(root="")


async def refusal(renderer: Renderer, files: dict[str, str], request: RenderRequest = ROOT) -> RenderError:
    """Return the error of what can't be rendered."""
    with pytest.raises(RenderError) as caught:
        await renderer.render(MemoryTree(files), request)
    return caught.value


async def test_two_manifests_of_one_identity_are_an_error_that_names_both_files(renderer: Renderer) -> None:
    """The API's version makes no other object of it, and a namespace left out is the destination's."""
    cases = [
        (CONFIG, CONFIG),
        ("apiVersion: apps/v1\nkind: D\nmetadata: {name: a}\n", "apiVersion: apps/v2\nkind: D\nmetadata: {name: a}\n"),
        (CONFIG, CONFIG.replace("a}", "a, namespace: shop}")),
    ]
    for one, other in cases:
        request = RenderRequest(root="", namespace="shop")
        error = await refusal(renderer, {"one.yaml": one, "other.yaml": other}, request)
        assert "one.yaml" in error.message
        assert "other.yaml" in error.message
        assert error.remedy


async def test_all_that_is_wrong_with_the_manifests_of_a_directory_is_told_at_once(renderer: Renderer) -> None:
    """By file and line, each with what to do: nobody pushes six commits to learn of six mistakes."""
    files = {
        "a.yaml": CONFIG.replace("name: a", "generateName: x-") + "---\nkind: Secret\nmetadata: {name: b}\n",
        "b.yaml": CONFIG + "---\n" + CONFIG + "---\n[1, 2]\n",
        "c.yaml": "a: [\n",
        "d.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: right}\n",
    }

    error = await refusal(renderer, files)

    said = str(error)
    assert said.startswith("5 manifests are wrong: a.yaml:1: ConfigMap has generateName x- but no name")
    for part in (
        "(give it metadata.name)",
        "; a.yaml:4: apiVersion is missing (of Secret b)",
        "; b.yaml:4: ",
        "stands twice in b.yaml (rename one of them, or remove it)",
        "; b.yaml:8: a Kubernetes object is expected",
        "; c.yaml:1: not valid YAML",
    ):
        assert part in said, said
    assert "d.yaml" not in said


async def test_of_very_many_mistakes_the_first_are_told(renderer: Renderer) -> None:
    """And how many there are."""
    error = await refusal(renderer, {f"{number:03}.yaml": "a: b\n" for number in range(300)})

    assert error.message.startswith("300 manifests are wrong: 000.yaml:1: ")
    assert error.message.endswith(" and 290 more")


async def test_the_same_name_in_another_group_kind_or_namespace_is_another_object(renderer: Renderer) -> None:
    """Only all four together make an identity."""
    files = {
        "a.yaml": CONFIG,
        "b.yaml": CONFIG.replace("v1", "acme.example/v1"),
        "c.yaml": CONFIG.replace("ConfigMap", "Secret"),
        "d.yaml": CONFIG.replace("a}", "a, namespace: other}"),
    }

    assert len((await renderer.render(MemoryTree(files), ROOT)).objects) == 4


async def test_kustomize_names_both_files_of_one_identity(renderer: Renderer) -> None:
    """Its own message names neither."""
    files = {"kustomization.yaml": "resources: [one.yaml, other.yaml]\n", "one.yaml": CONFIG, "other.yaml": CONFIG}

    error = await refusal(renderer, files)

    assert "one.yaml" in error.message
    assert "other.yaml" in error.message
    assert error.object == "ConfigMap a"


async def test_two_templates_of_one_identity_are_an_error_that_names_both(renderer: Renderer) -> None:
    """Helm would say nothing."""
    files = {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"}
    files |= {"templates/one.yaml": CONFIG, "templates/other.yaml": CONFIG}

    error = await refusal(renderer, files)

    assert "templates/one.yaml" in error.message
    assert "templates/other.yaml" in error.message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("kind: X\nmetadata: {name: a}\n", "apiVersion is missing (of X a)"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "kind is missing (of a)"),
        ("apiVersion: v1\nkind: X\n", "metadata.name is missing (of X)"),
        ("apiVersion: v1\nkind: X\nmetadata: {}\n", "metadata.name is missing (of X)"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: ''}\n", "metadata.name is empty"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 123}\n", "must be a string, but YAML reads it as 123"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: on}\n", "must be a string, but YAML reads it as true"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: 1}\n", "metadata.namespace must be a string"),
        ("apiVersion: v1\nkind: X\nmetadata: {generateName: a-}\n", "X has generateName a- but no name"),
        ("apiVersion: v1\nkind: X\nmetadata: text\n", "metadata must be a mapping"),
        ("- a\n- b\n", "a Kubernetes object is expected, not a list"),
        ("just text\n", "a Kubernetes object is expected, not a text"),
        ("42\n", "a Kubernetes object is expected, not a single value"),
        ("- {password: h2secret}\n", "a Kubernetes object is expected, not a list"),
        ("replicaCount: 1\n", "neither apiVersion nor kind"),
    ],
)
async def test_what_is_no_manifest_is_an_error_that_names_the_file(text: str, word: str, renderer: Renderer) -> None:
    """The field and the file, so that the reader finds it."""
    error = await refusal(renderer, {"ok.yaml": CONFIG, "sub.yaml": f"# first line\n{text}"})

    assert word in error.message
    assert "h2secret" not in error.message
    assert "sub.yaml" in error.message
    assert error.file == "sub.yaml"


async def test_lists_are_expanded(renderer: Renderer) -> None:
    """Also a list inside a list, and a typed list whose items leave out what it says."""
    text = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - {metadata: {name: b}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
- {apiVersion: v1, kind: List, items: []}
"""

    rendered = await renderer.render(MemoryTree({"a.yaml": text}), ROOT)

    assert [(one.body["kind"], one.body["metadata"]["name"]) for one in rendered.objects] == [
        ("ConfigMap", "a"),
        ("ConfigMap", "b"),
        ("ConfigMap", "c"),
    ]


FILES = {
    "a.yaml": CONFIG,
    "b.yml": CONFIG.replace("a}", "b}"),
    "c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "README.md": "# not a manifest",
    ".hidden.yaml": "not: a manifest",
    ".github/ci.yaml": "not: a manifest",
    "sub/d.yaml": CONFIG.replace("a}", "d}"),
    "sub/deep/e.yaml": CONFIG.replace("a}", "e}"),
}


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (Plain(), "abc"),
        (Plain(recurse=True), "abcde"),
        (Plain(recurse=True, exclude=("sub/deep",)), "abcd"),
        (Plain(recurse=True, exclude=("sub/*",)), "abc"),
        (Plain(recurse=True, exclude=("*.json", "d.yaml")), "abe"),
        (Plain(recurse=True, include=("sub",)), "de"),
        (Plain(include=("*.yaml", "*.json"), exclude=("a.*",)), "c"),
    ],
)
async def test_a_directory_is_read_as_the_patterns_say(plain: Plain, expected: str, renderer: Renderer) -> None:
    """YAML and JSON files, sorted by path, without hidden ones."""
    rendered = await renderer.render(MemoryTree(FILES), RenderRequest(root="", plain=plain))

    assert "".join(one.body["metadata"]["name"] for one in rendered.objects) == expected
    assert rendered.kind == "plain"


async def test_a_malformed_pattern_is_an_error(renderer: Renderer) -> None:
    """It names the pattern."""
    error = await refusal(renderer, FILES, RenderRequest(root="", plain=Plain(exclude=("[a",))))

    assert '"[a"' in error.message


@pytest.mark.parametrize("root", ["missing", "a.yaml", "sub/deep/none"])
async def test_a_path_that_is_no_directory_is_an_error(root: str, renderer: Renderer) -> None:
    """It says what to correct."""
    error = await refusal(renderer, FILES, RenderRequest(root=root))

    assert "spec.source.path" in error.remedy


async def test_an_empty_directory_renders_to_nothing(renderer: Renderer) -> None:
    """Whether that may prune everything is for others to decide."""
    rendered = await renderer.render(MemoryTree({"README.md": "x"}), ROOT)

    assert rendered.objects == ()


@pytest.mark.parametrize(
    ("text", "field", "word"),
    [
        ("resources: [gone.yaml]", "resources[0]", "gone.yaml does not exist"),
        ("resources: [a.yaml, gone]", "resources[1]", "gone does not exist"),
        ("patches: [{path: p.yaml}]", "patches[0].path", "p.yaml does not exist"),
        ("configMapGenerator: [{name: x, files: [k=f.txt]}]", "configMapGenerator[0]", "f.txt does not exist"),
        ("components: [c]", "components[0]", "c does not exist"),
        ("resurces: [a.yaml]", "", "unknown field"),
        ("resources: [a.yaml]\nresources: [b.yaml]", "resources", "stands twice"),
    ],
)
async def test_a_mistake_in_a_kustomization_file_is_found(text: str, field: str, word: str, renderer: Renderer) -> None:
    """Its file and its field, not a chain of causes."""
    files = {"base/kustomization.yaml": text + "\n", "base/a.yaml": CONFIG}

    error = await refusal(renderer, files, RenderRequest(root="base"))

    assert word in error.message
    assert error.file == "base/kustomization.yaml"
    assert error.object == field


async def test_a_patch_without_its_object_is_an_error_with_a_remedy(renderer: Renderer) -> None:
    """Kustomize's message is kept, ours says what to do."""
    files = {"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "a.yaml": CONFIG}
    files["p.yaml"] = CONFIG.replace("a}", "other}")

    error = await refusal(renderer, files)

    assert "other" in error.message
    assert error.remedy


async def test_two_kustomization_files_are_an_error(renderer: Renderer) -> None:
    """Which one counts is not guessed."""
    error = await refusal(renderer, {"kustomization.yaml": "{}\n", "kustomization.yml": "resources: [a]\n"})

    assert error.remedy
