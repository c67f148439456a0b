"""What an Application changes of a kustomization equals what `kustomize edit` and `kustomize build` make of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from controller.model.kustomize import Image, KustomizeOptions, Patch, PatchOptions, PatchTarget, Replica
from controller.render import Renderer, RenderError, RenderRequest
from tests.integration.render.command import names, objects_of, run
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from pathlib import Path

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.0"}
      - {name: log, image: "example.com/log/agent@sha256:0123"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: example.com/v1
kind: Rocket
metadata: {name: saturn}
spec: {stages: [{name: one, thrust: 5}, {name: two, thrust: 3}]}
"""
OVERLAY = """\
resources: [../base]
namePrefix: old-
images: [{name: nginx, newTag: "1.1"}, {name: redis, newName: valkey}]
replicas: [{name: web, count: 2}]
commonAnnotations: {team: pay, tier: front}
configMapGenerator: [{name: settings, literals: [a=b]}]
"""
PART = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
FILES = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": BASE,
    "prod/kustomization.yaml": OVERLAY,
    "prod/limits.yaml": "- {op: add, path: /spec/revisionHistoryLimit, value: 3}\n",
    "parts/cache/kustomization.yaml": PART + "resources: [cache.yaml]\n",
    "parts/cache/cache.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cache}\n",
    "parts/quiet/kustomization.yaml": PART + 'patches: [{patch: \'[{"op": "add", "path": "/spec/paused", '
    '"value": true}]\', target: {kind: Deployment}}]\n',
}
PROD = RenderRequest(root="prod")
MERGE = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n"
JSON = '[{"op": "replace", "path": "/spec/stages/0/thrust", "value": 7}]'


class Case(NamedTuple):
    options: KustomizeOptions
    edits: tuple[tuple[str, ...], ...]


CASES = {
    "prefix and suffix": Case(
        KustomizeOptions(name_prefix="eu-", name_suffix="-v2"),
        (("set", "nameprefix", "eu-"), ("set", "namesuffix", "--", "-v2")),
    ),
    "namespace": Case(KustomizeOptions(namespace="shop"), (("set", "namespace", "shop"),)),
    "image tag": Case(KustomizeOptions(images=(Image(name="nginx", new_tag="2"),)), (("set", "image", "nginx=*:2"),)),
    "image name and digest": Case(
        KustomizeOptions(images=(Image(name="nginx", new_name="example.com/nginx", digest="sha256:ab"),)),
        (("set", "image", "nginx=example.com/nginx@sha256:ab"),),
    ),
    "image of a registry": Case(
        KustomizeOptions(images=(Image(name="example.com/log/agent", new_tag="v1"),)),
        (("set", "image", "example.com/log/agent=*:v1"),),
    ),
    "replicas": Case(KustomizeOptions(replicas=(Replica(name="web", count=0),)), (("set", "replicas", "web=0"),)),
    "labels": Case(
        KustomizeOptions(common_labels={"env": "prod", "zone": "a"}), (("add", "label", "-f", "env:prod", "zone:a"),)
    ),
    "labels without selectors": Case(
        KustomizeOptions(common_labels={"env": "prod"}, label_without_selector=True),
        (("add", "label", "--without-selector", "env:prod"),),
    ),
    "labels in templates": Case(
        KustomizeOptions(common_labels={"env": "prod"}, label_without_selector=True, label_include_templates=True),
        (("add", "label", "--without-selector", "--include-templates", "env:prod"),),
    ),
    "annotations": Case(
        KustomizeOptions(common_annotations={"team": "shop", "note": "5"}),
        (("add", "annotation", "-f", "team:shop", "note:5"),),
    ),
    "strategic merge patch": Case(
        KustomizeOptions(patches=(Patch(patch=MERGE),)), (("add", "patch", "--patch", MERGE),)
    ),
    "json patch of a custom kind": Case(
        KustomizeOptions(patches=(Patch(patch=JSON, target=PatchTarget(group="example.com", kind="Rocket")),)),
        (("add", "patch", "--group", "example.com", "--kind", "Rocket", "--patch", JSON),),
    ),
    "patch from a file, by a regular expression": Case(
        KustomizeOptions(patches=(Patch(path="limits.yaml", target=PatchTarget(kind="Deploy.*", name="w.b")),)),
        (("add", "patch", "--kind", "Deploy.*", "--name", "w.b", "--path", "limits.yaml"),),
    ),
    "patch by a label": Case(
        KustomizeOptions(
            patches=(
                Patch(
                    patch='[{"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}]',
                    target=PatchTarget(label_selector="app=web"),
                ),
            )
        ),
        (
            (
                *("add", "patch", "--label-selector", "app=web", "--patch"),
                '[{"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}]',
            ),
        ),
    ),
    "components": Case(
        KustomizeOptions(components=("../parts/cache", "../parts/quiet")),
        (("add", "component", "../parts/cache"), ("add", "component", "../parts/quiet")),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_parameters_equal_the_edits_of_the_command(case: Case, renderer: Renderer, tmp_path: Path) -> None:
    """The same objects in the same order as after `kustomize edit`, and not those without the parameter."""
    checkout = _written(tmp_path / "repository")
    for edit in case.edits:
        status, _, complaint = await run("kustomize", "edit", *edit, home=tmp_path, cwd=checkout / "prod")
        assert status == 0, complaint
    expected = await _built(checkout / "prod", renderer, tmp_path)

    rendered = await renderer.render(MemoryTree(FILES), RenderRequest(root="prod", kustomize=case.options))

    objects = [one.body for one in rendered.objects]
    assert names(objects) == names(expected)
    assert objects == expected
    assert rendered.digest != (await renderer.render(MemoryTree(FILES), PROD)).digest


async def test_an_object_of_a_patch_may_change_its_name_where_that_is_allowed(
    renderer: Renderer, tmp_path: Path
) -> None:
    """`options` means what it means in a kustomization file."""
    rename = "apiVersion: v1\nkind: Service\nmetadata: {name: front}\n"
    patch = Patch(patch=rename, target=PatchTarget(kind="Service"), options=PatchOptions(allow_name_change=True))
    checkout = _written(tmp_path / "repository")
    file = checkout / "prod/kustomization.yaml"
    said = {"patch": rename, "target": {"kind": "Service"}, "options": {"allowNameChange": True}}
    file.write_text(OVERLAY + yaml.safe_dump({"patches": [said]}))
    expected = await _built(checkout / "prod", renderer, tmp_path)

    options = KustomizeOptions(patches=(patch,))
    rendered = await renderer.render(MemoryTree(FILES), RenderRequest(root="prod", kustomize=options))

    assert [one.body for one in rendered.objects] == expected
    assert "Service /old-front" in names(expected)


async def test_a_directory_without_a_kustomization_is_one_of_all_its_files(renderer: Renderer, tmp_path: Path) -> None:
    """Manifests below it and directories that have a kustomization of their own, as `kustomize create` lists them."""
    files = {f"apps/{path}": text for path, text in FILES.items()}
    files["apps/prod/kustomization.yaml"] = "resources: [../base]\nnamePrefix: prod-\n"
    files |= {"apps/one.yaml": BASE.replace("web", "one").replace("saturn", "vega"), "apps/deep/x/two.yml": _map("two")}
    files |= {"apps/README.md": "x", "apps/.hidden/a.yaml": "not: a manifest"}
    files = {path: text for path, text in files.items() if "/parts/" not in path}
    checkout = _written(tmp_path / "repository", files)
    listed = {"resources": ["base", "deep/x/two.yml", "one.yaml", "prod"], "namespace": "shop"}
    (checkout / "apps/kustomization.yaml").write_text(yaml.safe_dump(listed))
    expected = await _built(checkout / "apps", renderer, tmp_path)

    request = RenderRequest(root="apps", kind="kustomize", kustomize=KustomizeOptions(namespace="shop"))
    rendered = await renderer.render(MemoryTree(files), request)

    assert [one.body for one in rendered.objects] == expected
    assert {one.source for one in rendered.objects} >= {"apps/one.yaml", "apps/deep/x/two.yml", "apps/base/web.yaml"}


async def test_a_missing_component_is_left_out_where_that_is_allowed(renderer: Renderer) -> None:
    """It is an error that names the field otherwise; once it is there it counts."""
    options = KustomizeOptions(components=("../parts/gone", "../parts/cache"))
    tree = MemoryTree(FILES)

    with pytest.raises(RenderError, match="parts/gone does not exist") as caught:
        await renderer.render(tree, RenderRequest(root="prod", kustomize=options))
    assert caught.value.object == "spec.source.kustomize.components[0]"

    lenient = KustomizeOptions(components=options.components, ignore_missing_components=True)
    request = RenderRequest(root="prod", kustomize=lenient)
    rendered = await renderer.render(tree, request)
    assert "old-cache" in [one.body["metadata"]["name"] for one in rendered.objects]
    grown = tree.with_files({"parts/gone/kustomization.yaml": PART + "nameSuffix: -late\n"})
    again = await renderer.render(grown, request)
    assert "old-web-late" in [one.body["metadata"]["name"] for one in again.objects]


@pytest.mark.parametrize(
    ("options", "says", "object_"),
    [
        (KustomizeOptions(components=("../../x",)), "outside the repository", "spec.source.kustomize.components[0]"),
        (KustomizeOptions(components=("/etc",)), "absolute path", "spec.source.kustomize.components[0]"),
        (KustomizeOptions(components=("https://example.invalid/x",)), "remote", "spec.source.kustomize.components[0]"),
        (KustomizeOptions(components=("../base",)), "expected kind 'Component'", "spec.source.kustomize.components[0]"),
        (
            KustomizeOptions(patches=(Patch(path="../../etc/passwd"),)),
            "outside",
            "spec.source.kustomize.patches[0].path",
        ),
        (KustomizeOptions(patches=(Patch(patch="{"),)), "", "spec.source.kustomize.patches[0]"),
        (
            KustomizeOptions(name_prefix="eu-", patches=(Patch(patch=MERGE), Patch(patch="{a"))),
            "spec.source.kustomize.patches[1]: neither a strategic merge patch nor a JSON patch",
            "spec.source.kustomize.patches[1]",
        ),
        (
            KustomizeOptions(
                patches=(Patch(patch="stringData: {password: h2secret}", target=PatchTarget(kind="Secret")),)
            ),
            "neither a strategic merge patch nor a JSON patch (it begins with stringData:)",
            "spec.source.kustomize.patches[0]",
        ),
        (
            KustomizeOptions(
                patches=(
                    Patch(patch="[{op: add, path: /data/a, value: h2secret}]", target=PatchTarget(kind="Deployment")),
                )
            ),
            "neither a strategic merge patch nor a JSON patch (it begins with the operation add /data/a)",
            "spec.source.kustomize.patches[0]",
        ),
        (
            KustomizeOptions(patches=(Patch(patch=JSON, target=PatchTarget(name="(")),)),
            "missing closing",
            "spec.source.kustomize.patches[0]",
        ),
        (
            KustomizeOptions(patches=(Patch(patch=MERGE.replace("web", "nobody")),)),
            "no resource matches",
            "spec.source.kustomize.patches[0]",
        ),
        (
            KustomizeOptions(replicas=(Replica(name="web", count=2), Replica(name="nope", count=2))),
            "replicas[1]: no Deployment, StatefulSet, ReplicaSet or ReplicationController is named nope",
            "spec.source.kustomize.replicas[1]",
        ),
        (
            KustomizeOptions(
                patches=(
                    Patch(
                        patch='[{"op": "replace", "path": "/spec/none/x", "value": 1}]',
                        target=PatchTarget(kind="Rocket"),
                    ),
                )
            ),
            "/spec/none/x: missing value (its target: kind Rocket)",
            "spec.source.kustomize.patches[0]",
        ),
    ],
)
async def test_a_wrong_parameter_is_an_error_that_says_what_is_wrong(
    options: KustomizeOptions, says: str, object_: str, renderer: Renderer
) -> None:
    """Nothing outside the repository is read, and a patch that fits nothing is not passed over."""
    with pytest.raises(RenderError) as caught:
        await renderer.render(MemoryTree(FILES), RenderRequest(root="prod", kustomize=options))

    assert says in caught.value.message
    assert object_ in caught.value.object
    assert "\n" not in caught.value.message
    assert "h2secret" not in caught.value.message, "what a patch says may be a Secret's"


async def test_a_file_that_fails_by_itself_is_not_blamed_on_a_parameter(renderer: Renderer) -> None:
    """The parameters are right; the kustomization file would be no better without them."""
    tree = MemoryTree({**FILES, "prod/kustomization.yaml": OVERLAY + "patches: [{patch: '{a'}]\n"})
    options = KustomizeOptions(name_prefix="eu-", patches=(Patch(patch=MERGE),))

    with pytest.raises(RenderError, match="neither a strategic merge patch nor a JSON patch") as caught:
        await renderer.render(tree, RenderRequest(root="prod", kustomize=options))

    assert (caught.value.file, caught.value.object) == ("prod/kustomization.yaml", "")


async def test_a_label_that_the_file_has_in_selectors_is_not_overridden_in_silence(renderer: Renderer) -> None:
    """Without selectors, it could not win over the file's own."""
    tree = MemoryTree({**FILES, "prod/kustomization.yaml": OVERLAY + "commonLabels: {env: test}\n"})
    options = KustomizeOptions(common_labels={"env": "prod"}, label_without_selector=True)

    with pytest.raises(RenderError, match="env stands in commonLabels"):
        await renderer.render(tree, RenderRequest(root="prod", kustomize=options))


def _map(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


def _written(checkout: Path, files: dict[str, str] | None = None) -> Path:
    for path, text in (files or FILES).items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text)
    shutil.rmtree(checkout / "apps/.hidden", ignore_errors=True)
    return checkout


async def _built(directory: Path, renderer: Renderer, home: Path) -> list[dict[str, object]]:
    status, printed, complaint = await run(
        "kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", directory, home=home
    )
    assert status == 0, complaint
    return await objects_of(printed, renderer)
