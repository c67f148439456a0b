"""A repository may hold anything: each attack ends in an error that names it, soon and in bounded memory.

Every engine here is bound to 384 MiB and 20 seconds by the pool, and bounds itself before it reads a byte; the test
of the bound itself stands in test_pool.py.
"""

from __future__ import annotations

import asyncio
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from controller.model.kustomize import Image, KustomizeOptions, Patch, PatchTarget
from controller.render import Helm, Limits, Plain, RenderError, RenderRequest
from tests.unit.render.memory import MemoryTree, Submodule, Symlink

if TYPE_CHECKING:
    from controller.render import EnginePool, Renderer

CHART = {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)


async def refusal(renderer: Renderer, files: dict[str, str], request: RenderRequest | None = None) -> RenderError:
    """Render what can't be rendered, and return the error; fifteen seconds are far more than a refusal may take."""
    async with asyncio.timeout(15):
        with pytest.raises(RenderError) as caught:
            await renderer.render(MemoryTree(files), request or RenderRequest(root=""))
    return caught.value


def resources(*paths: str) -> dict[str, str]:
    """A kustomization file at the root."""
    return {"kustomization.yaml": "resources:\n" + "".join(f"- {path}\n" for path in paths)}


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../etc/passwd", "../outside.yaml", "a/../../b.yaml"])
async def test_kustomize_refers_to_no_file_outside_the_repository(path: str, renderer: Renderer) -> None:
    """An absolute path and one that climbs out are refused with the field's place."""
    error = await refusal(renderer, resources(path))

    assert path in error.message
    assert error.file == "kustomization.yaml"
    assert error.object == "resources[0]"
    assert error.remedy


async def test_a_path_that_leaves_and_comes_back_is_refused(renderer: Renderer) -> None:
    """Climbing out is refused even when the way leads back in."""
    files = {"overlay/kustomization.yaml": "resources: [../../.repository/base]\n", "base/kustomization.yaml": "{}"}

    error = await refusal(renderer, files, RenderRequest(root="overlay"))

    assert "outside the repository" in error.message


async def test_generators_patches_and_transformers_read_nothing_outside(renderer: Renderer) -> None:
    """Every field of a kustomization file that names a file is held to the repository."""
    for text in (
        "configMapGenerator: [{name: a, files: [/etc/passwd]}]",
        "secretGenerator: [{name: a, envs: [../../etc/shadow]}]",
        "patches: [{path: ../../etc/passwd}]",
        "replacements: [{path: /etc/passwd}]",
        "transformers: [../../etc/passwd]",
        "openapi: {path: /etc/passwd}",
        "components: [../..]",
    ):
        error = await refusal(renderer, {"kustomization.yaml": text + "\n"})
        assert "outside the repository" in error.message or "absolute path" in error.message, text


@pytest.mark.parametrize(
    "base",
    [
        "https://example.invalid/base.yaml",
        "https://github.com/acme/base//deploy?ref=v1",
        "github.com/acme/base//deploy",
        "git@github.com:acme/base.git",
        "ssh://git@example.invalid/base",
        "git::https://example.invalid/base.git",
        "file:///etc",
    ],
)
async def test_remote_bases_are_refused(base: str, renderer: Renderer) -> None:
    """Neither HTTP nor git is tried; the remedy says what to do instead."""
    error = await refusal(renderer, resources(base))

    assert "remote" in error.message
    assert base in error.message
    assert "commit a copy" in error.remedy


async def test_a_base_may_lie_anywhere_in_the_repository(renderer: Renderer) -> None:
    """Files and directories outside the root are read, as long as they are the repository's."""
    files = {"o/kustomization.yaml": "resources: [../base, ../file.yaml]\n", "file.yaml": CONFIG}
    files |= {"base/kustomization.yaml": "resources: [b.yaml]\n", "base/b.yaml": CONFIG.replace("a}", "b}")}

    rendered = await renderer.render(MemoryTree(files), RenderRequest(root="o"))

    assert [one.source for one in rendered.objects] == ["file.yaml", "base/b.yaml"]


FUNCTION = "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: '%s'}\n"


@pytest.mark.parametrize(
    "transformer",
    [
        FUNCTION % "exec: {path: /bin/sh}",
        FUNCTION % "container: {image: example.invalid/x}",
        "apiVersion: acme.example/v1\nkind: Plugin\nmetadata: {name: x}\n",
    ],
    ids=["exec", "container", "plugin"],
)
async def test_functions_and_plugins_are_refused(transformer: str, renderer: Renderer) -> None:
    """Nothing that would run a program or a container is run."""
    files = {"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": CONFIG}

    error = await refusal(renderer, {**files, "t.yaml": transformer})

    assert error.remedy


async def test_helm_charts_inside_kustomize_are_refused(renderer: Renderer) -> None:
    """HelmCharts would run helm."""
    error = await refusal(renderer, {"kustomization.yaml": "helmCharts: [{name: x, repo: https://x.invalid}]\n"})

    assert error.object == "helmCharts"


async def test_a_cycle_of_bases_is_an_error(renderer: Renderer) -> None:
    """A base that refers back is named."""
    files = {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"}

    error = await refusal(renderer, files, RenderRequest(root="a"))

    assert "cycle" in error.message


@pytest.mark.parametrize(
    "files",
    [
        {"a.yaml": BOMB},
        {**resources("a.yaml"), "a.yaml": BOMB},
        {"kustomization.yaml": BOMB},
        {"kustomization.yaml": "patches: [{path: p.yaml}]\nresources: [a.yaml]\n", "a.yaml": CONFIG, "p.yaml": BOMB},
        {
            "kustomization.yaml": "resources: [a.yaml]\npatches:\n- patch: |\n"
            + "".join(f"    {line}\n" for line in BOMB.splitlines()),
            "a.yaml": CONFIG,
        },
        {**CHART, "values.yaml": BOMB},
        {**CHART, "templates/a.yaml": BOMB},
        {**CHART, "crds/a.yaml": BOMB},
        {"Chart.yaml": CHART["Chart.yaml"] + BOMB},
    ],
    ids=["plain", "resource", "kustomization", "patch", "inline patch", "values", "template", "crd", "Chart.yaml"],
)
async def test_an_alias_bomb_is_refused_wherever_it_is_read(files: dict[str, str], renderer: Renderer) -> None:
    """Eight levels of nine aliases are counted, never expanded."""
    error = await refusal(renderer, files)

    assert "excessive aliasing" in error.message


async def test_a_bomb_that_only_a_generator_takes_is_harmless_text(renderer: Renderer) -> None:
    """What is not read as YAML is bounded all the same."""
    files = {"kustomization.yaml": "configMapGenerator: [{name: a, files: [b.txt]}]\n", "b.txt": BOMB}

    error = await refusal(renderer, files)

    assert error.fault == "limit"


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 200_000,
        "a: " + "[" * 150 + "]" * 150,
        "".join(" " * n + "a:\n" for n in range(9_000)),
        '{"a":' * 150 + "1" + "}" * 150,
    ],
    ids=["unclosed brackets", "brackets", "mappings", "JSON"],
)
async def test_deep_nesting_is_refused(text: str, renderer: Renderer) -> None:
    """A hundred levels are enough for every kind there is."""
    error = await refusal(renderer, {"a.yaml": text})

    assert error.fault == "limit"
    assert error.file == "a.yaml"


@pytest.mark.parametrize(
    "template",
    [
        "{{ range until 100000000 }}a{{ end }}",
        '{{ range $i := until 100000000 }}{{ $i }}{{ repeat 1000 "x" }}{{ end }}',
        '{{ repeat 1000000000 "x" }}',
    ],
)
async def test_a_template_that_takes_all_memory_ends_its_worker_alone(
    template: str, renderer: Renderer, pool: EnginePool
) -> None:
    """The worker ends at its bound, the request is blamed, and the next one is rendered."""
    error = await refusal(renderer, {**CHART, "templates/a.yaml": template})

    assert error.fault == "limit"
    assert "384 MiB" in error.message
    assert (await renderer.render(MemoryTree({"a.yaml": CONFIG}), RenderRequest(root=""))).objects
    assert pool.lost == 1


async def test_an_endless_include_is_an_error(renderer: Renderer) -> None:
    """Helm's own bound holds."""
    template = '{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}'

    error = await refusal(renderer, {**CHART, "templates/a.yaml": template})

    assert error.file == "templates/a.yaml"


async def test_templates_see_neither_environment_nor_names_nor_files(renderer: Renderer) -> None:
    """`env` is not defined; look-ups of hosts, the cluster and files outside the chart find nothing."""
    config = CONFIG + (
        'data:\n  host: {{ getHostByName "localhost" | quote }}\n'
        '  lookup: {{ lookup "v1" "Secret" "kube-system" "" | toJson | quote }}\n'
        '  file: {{ .Files.Get "../../etc/passwd" | quote }}\n  files: {{ .Files.Glob "/etc/*" | len | quote }}\n'
    )

    rendered = await renderer.render(MemoryTree({**CHART, "templates/a.yaml": config}), RenderRequest(root=""))
    error = await refusal(renderer, {**CHART, "templates/a.yaml": '{{ env "HOME" }}'})

    assert rendered.objects[0].body["data"] == {"host": "", "lookup": "{}", "file": "", "files": "0"}
    assert any("lookup" in warning for warning in rendered.warnings)
    assert '"env" not defined' in error.message


@pytest.mark.parametrize(
    "schema",
    [
        '{"$ref": "http://127.0.0.1:1/schema.json"}',
        '{"properties": {"a": {"$ref": "https://example.invalid/schema.json"}}}',
        '{"$schema": "http://127.0.0.1:1/meta.json"}',
        '{"$id": "http://127.0.0.1:1/x", "$ref": "other.json"}',
        '{"$ref": "file:///etc/passwd"}',
        '{"$ref": "../../../etc/passwd"}',
        '{"$ref": "urn:example:x"}',
    ],
)
async def test_a_schema_refers_to_nothing_outside_its_chart(schema: str, renderer: Renderer) -> None:
    """Neither network nor host's files are touched, and no byte of them stands in the error."""
    error = await refusal(renderer, {**CHART, "values.schema.json": schema})

    assert "not a file of the chart" in error.message
    assert error.file == "values.schema.json"
    assert "root:" not in error.message


async def test_a_schema_may_refer_to_a_file_of_its_chart(renderer: Renderer) -> None:
    """A schema may be split."""
    files = {
        **CHART,
        "values.schema.json": '{"properties": {"port": {"$ref": "schemas/port.json"}}}',
        "schemas/port.json": '{"type": "integer"}',
        "values.yaml": "port: high\n",
    }

    error = await refusal(renderer, files)

    assert "/port" in error.message


async def test_a_dependency_that_is_not_vendored_is_an_error(renderer: Renderer) -> None:
    """The chart is not rendered without it."""
    chart = {"Chart.yaml": CHART["Chart.yaml"] + "dependencies: [{name: db, version: 1.x, repository: https://x}]\n"}

    error = await refusal(renderer, chart)

    assert "db" in error.message
    assert "helm dependency build" in error.remedy


async def test_random_content_keeps_its_first_result(renderer: Renderer) -> None:
    """The same content gives the same objects, and says that it would not by itself."""
    template = CONFIG + "data: {password: {{ randAlphaNum 20 }}, at: {{ now | quote }}}\n"
    tree = MemoryTree({"chart/Chart.yaml": CHART["Chart.yaml"], "chart/templates/a.yaml": template})
    request = RenderRequest(root="chart")

    first = await renderer.render(tree, request)
    again = await renderer.render(tree.with_files({"elsewhere/README": "x"}), request)
    changed = await renderer.render(tree.with_files({"chart/templates/a.yaml": template + "# x\n"}), request)

    assert first.nondeterministic
    assert again.digest == first.digest
    assert changed.digest != first.digest


@pytest.mark.parametrize(("link", "word"), [(Symlink("/etc/passwd"), "symbolic link"), (Submodule("abc"), "submodule")])
async def test_symlinks_and_submodules_are_never_followed(link: str, word: str, renderer: Renderer) -> None:
    """The error names the place of the link, wherever it stands on the way."""
    cases: list[tuple[dict[str, str], str]] = [
        ({"a.yaml": link}, "a.yaml"),
        ({**resources("a.yaml"), "a.yaml": link}, "a.yaml"),
        ({**resources("base/b.yaml"), "base": link}, "base"),
        ({**resources("base"), "base": link}, "base"),
        ({"kustomization.yaml": link}, "kustomization.yaml"),
        ({**CHART, "templates/a.yaml": link}, "templates/a.yaml"),
        ({**CHART, "charts/sub": link}, "charts/sub"),
    ]
    for files, place in cases:
        error = await refusal(renderer, files)
        assert word in error.message, files
        assert error.file == place
        assert error.remedy


async def test_a_root_behind_a_symlink_is_refused(renderer: Renderer) -> None:
    """The Application's own path is no exception."""
    error = await refusal(renderer, {"link": Symlink("/etc")}, RenderRequest(root="link/below"))

    assert "link is a symbolic link" in error.message


@pytest.mark.parametrize("root", ["..", "../x", "a/../..", "/etc"])
async def test_a_root_outside_the_repository_is_refused(root: str, renderer: Renderer) -> None:
    """Whatever the Application's path says, only the repository is looked at."""
    error = await refusal(renderer, {"a.yaml": CONFIG}, RenderRequest(root=root))

    assert error.fault == "input"


async def test_files_and_objects_are_bounded(renderer: Renderer) -> None:
    """Size of a file, of all files, their number, and the number and size of objects."""
    many = {f"{n}.yaml": CONFIG.replace("a}", f"a{n}}}") for n in range(20)}
    for limits, files in (
        (Limits(file_bytes=100), {"a.yaml": CONFIG + "#" * 200}),
        (Limits(total_bytes=600), many),
        (Limits(files=10), many),
        (Limits(objects=10), many),
        (Limits(output_bytes=500), many),
    ):
        for recurse in (False, True):
            request = RenderRequest(root="", limits=limits, plain=Plain(recurse=recurse))
            error = await refusal(renderer, dict(files), request)
            assert error.fault == "limit", limits


async def test_a_large_file_is_bounded_in_a_chart_too(renderer: Renderer) -> None:
    """Also what the chart never uses."""
    request = RenderRequest(root="", limits=Limits(file_bytes=1_000))

    error = await refusal(renderer, {**CHART, "big.bin": "x" * 2_000}, request)

    assert error.fault == "limit"
    assert error.file == "big.bin"


async def test_a_packed_subchart_is_bounded_when_it_is_unpacked(renderer: Renderer) -> None:
    """A small archive of a huge file is refused."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (("sub/Chart.yaml", b"name: sub\nversion: 0.1.0\n"), ("sub/big", b"\0" * (20 << 20))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    tree = MemoryTree({**CHART, "charts/sub.tgz": packed.getvalue()})

    with pytest.raises(RenderError, match="decompressed chart is larger"):
        await renderer.render(tree, RenderRequest(root="", limits=Limits(total_bytes=4 << 20)))


async def test_values_files_stay_in_the_repository(renderer: Renderer) -> None:
    """A values file may be anywhere in the repository, and nowhere else."""
    files = {f"chart/{name}": content for name, content in CHART.items()} | {"prod.yaml": "a: 1\n"}
    files["chart/templates/a.yaml"] = CONFIG + "data: {a: {{ .Values.a | quote }}}\n"

    for path in ("../prod.yaml", "/prod.yaml"):
        rendered = await renderer.render(MemoryTree(files), RenderRequest(root="chart", helm=Helm(value_files=(path,))))
        assert rendered.objects[0].body["data"] == {"a": "1"}
    for path in ("../../prod.yaml", "../../../etc/passwd", "/../etc/passwd", "https://example.invalid/values.yaml"):
        error = await refusal(renderer, files, RenderRequest(root="chart", helm=Helm(value_files=(path,))))
        assert error.object == "spec.source.helm.valueFiles"


async def test_a_bomb_of_aliases_in_a_patch_is_refused(renderer: Renderer) -> None:
    """Also on one line, and also where the Application brings the patch."""
    line = "{" + BOMB.strip().replace("\n", ", ") + "}"
    files = {"kustomization.yaml": f"resources: [a.yaml]\npatches: [{{patch: '{line}'}}]\n", "a.yaml": CONFIG}

    assert "excessive aliasing" in (await refusal(renderer, files)).message
    files["kustomization.yaml"] = "resources: [a.yaml]\n"
    for patch in (line, BOMB):
        options = KustomizeOptions(patches=(Patch(patch=patch),))
        error = await refusal(renderer, files, RenderRequest(root="", kustomize=options))
        assert "excessive aliasing" in error.message
        assert "patches[0]" in error.message


WORKLOAD = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
    "spec: {template: {spec: {containers: [{name: a, image: nginx}]}}}\n"
)
ADD = '[{"op": "add", "path": "/x", "value": 1}]'
EVERY = PatchTarget(kind="Deployment")
DOUBLING = ",".join(f'{{"op":"copy","from":"/spec","path":"/spec/x{n}"}}' for n in range(40))
HOSTILE_EDITS = {
    "no regular expression as an image": (
        KustomizeOptions(images=(Image(name="(((", new_tag="1"),)),
        "no image's name",
    ),
    "sixty thousand brackets": (
        KustomizeOptions(patches=(Patch(patch="[" * 60_000),)),
        "spec.source.kustomize.patches[0]",
    ),
    "a deep value": (
        KustomizeOptions(
            patches=(Patch(patch=f'[{{"op":"add","path":"/x","value":{"[" * 20_000}{"]" * 20_000}}}]', target=EVERY),)
        ),
        "",
    ),
    "a deep mapping": (
        KustomizeOptions(patches=(Patch(patch=WORKLOAD + "x: " + "{a: " * 15_000),)),
        "spec.source.kustomize.patches[0]",
    ),
    "an endless repetition": (
        KustomizeOptions(patches=(Patch(patch=ADD, target=PatchTarget(name="(a{1,1000}){1,1000}")),)),
        "regexp",
    ),
    "copies of copies": (KustomizeOptions(patches=(Patch(patch=f"[{DOUBLING}]", target=EVERY),)), "MiB of memory"),
    "no selector": (
        KustomizeOptions(patches=(Patch(patch=ADD, target=PatchTarget(label_selector="a in (((")),)),
        "unable to parse",
    ),
    "itself as a component": (KustomizeOptions(components=(".",)), "cycle detected"),
    "a file as a component": (KustomizeOptions(components=("a.yaml",)), "must build at directory"),
    "a directory as a patch": (KustomizeOptions(patches=(Patch(path="."),)), "is a directory"),
    "no text": (KustomizeOptions(patches=(Patch(patch="\x00\x01"),)), "neither a strategic merge patch nor"),
}


@pytest.mark.parametrize(("options", "says"), HOSTILE_EDITS.values(), ids=HOSTILE_EDITS)
async def test_a_hostile_edit_ends_in_a_short_error(options: KustomizeOptions, says: str, renderer: Renderer) -> None:
    """Whoever may write an Application can't take the engine away from others by it."""
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": WORKLOAD}

    error = await refusal(renderer, files, RenderRequest(root="", kustomize=options))

    assert says in error.message
    assert len(str(error)) < 4_096
    assert (await renderer.render(MemoryTree({"a.yaml": CONFIG}), RenderRequest(root=""))).objects


async def test_an_image_of_a_kustomization_file_is_held_to_the_same(renderer: Renderer) -> None:
    """A name that is no regular expression made the library panic."""
    files = {"kustomization.yaml": "resources: [a.yaml]\nimages: [{name: '((', newTag: x}]\n", "a.yaml": WORKLOAD}

    error = await refusal(renderer, files)

    assert error.object == "images[0].name"
