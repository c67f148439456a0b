"""The engine builds what `kustomize build` builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.render import RenderRequest
from tests.integration.render.command import FIXTURES, names, objects_of, run
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

    from controller.render import Renderer

# More than one directory of a repository, where a base counts by itself.
KUSTOMIZATIONS = [
    "prefix-and-namespace",
    "labels-and-annotations",
    "overlay/base",
    "overlay/prod",
    "components/prod",
    "strategic-patches",
    "json-patches",
    "generators/base",
    "generators/prod",
    "replacements",
    "many-bases/all",
    "many-bases/blue",
    "far-apart/teams/pay/overlays/prod",
    "custom-kinds",
    "transformers",
    "ordered",
    "scalars-and-lists",
    "local-config",
]


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
async def test_objects_and_their_order_equal_those_of_kustomize_build(
    path: str, renderer: Renderer, tmp_path: Path
) -> None:
    """Every object is equal to the command's, and they come in its order."""
    status, printed, complaint = await run(
        "kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", FIXTURES / "kustomize" / path, home=tmp_path
    )
    assert status == 0, complaint
    expected = await objects_of(printed, renderer)

    repository, _, root = path.partition("/")
    rendered = await renderer.render(MemoryTree.of(FIXTURES / "kustomize" / repository), RenderRequest(root=root))

    objects = [one.body for one in rendered.objects]
    assert rendered.kind == "kustomize"
    assert names(objects) == names(expected)
    assert objects == expected


async def test_every_object_names_the_file_that_declares_it(renderer: Renderer) -> None:
    """A generated object names the kustomization file with its generator."""
    tree = MemoryTree.of(FIXTURES / "kustomize" / "generators")

    rendered = await renderer.render(tree, RenderRequest(root="prod"))

    sources = {one.body["metadata"]["name"].rsplit("-", 1)[0]: one.source for one in rendered.objects}
    assert sources["prod"] == "base/pod.yaml"
    assert sources["prod-files"] == "base/kustomization.yaml"


async def test_deprecated_fields_are_warned_of_with_their_file(renderer: Renderer) -> None:
    """What the command prints on stderr comes back as warnings."""
    tree = MemoryTree.of(FIXTURES / "kustomize" / "labels-and-annotations")

    rendered = await renderer.render(tree, RenderRequest(root=""))

    assert any("commonLabels" in warning and "kustomization.yaml" in warning for warning in rendered.warnings)


async def test_names_that_contain_each_other_are_told_apart(renderer: Renderer) -> None:
    """Prefixes and suffixes lengthen a name; the file of the longest name that it contains is meant."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\n"
    files = {"kustomization.yaml": "namePrefix: eu-\nresources: [one.yaml, two.yaml, three.yaml]\n"}
    files |= {"one.yaml": service % "web", "two.yaml": service % "web-api", "three.yaml": service % "api"}

    rendered = await renderer.render(MemoryTree(files), RenderRequest(root=""))

    assert {one.body["metadata"]["name"]: one.source for one in rendered.objects} == {
        "eu-web": "one.yaml",
        "eu-web-api": "two.yaml",
        "eu-api": "three.yaml",
    }
