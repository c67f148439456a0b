"""Variables in rendered objects: what `${name}` becomes, what is refused, and what never stands in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.render import Renderer, RenderError, RenderRequest, Variables
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "pa55: {word"
"""A value with what YAML takes for its own."""
VALUES = {
    "name": "shop",
    "count": "3",
    "empty": "",
    "lines": "a\nb\n",
    "list": "[1, 2]",
    "dotted": "a.b.c",
    "flag": "true",
}


def config(text: str, name: str = "a", more: str = "") -> str:
    """A ConfigMap with one value."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}{more}\ndata:\n  x: {text}\n"


async def filled(
    renderer: Renderer,
    files: Mapping[str, str],
    values: Mapping[str, str] = VALUES,
    *,
    secret: tuple[str, ...] = (),
    kind: Any = "auto",
) -> list[dict[str, Any]]:
    """The objects with these values filled in."""
    variables = Variables(values=dict(values), secret=secret)
    rendered = await renderer.render(MemoryTree(files), RenderRequest(root="", kind=kind, variables=variables))
    return [one.body for one in rendered.objects]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${name}", "shop"),
        ("pre-${name}-post", "pre-shop-post"),
        ("${name}${name}", "shopshop"),
        ("${count}", 3),
        ("'${count}'", 3),
        ("${flag}", True),
        ("x${count}", "x3"),
        ("${list}", [1, 2]),
        ("${empty}", None),
        ("a${empty}b", "ab"),
        ("${lines}", "ab"),
        ("$${name}", "${name}"),
        ("$name", "$name"),
        ("'{{ $labels.pod }}'", "{{ $labels.pod }}"),
        ("${gone:=default}", "default"),
        ("${gone:-default}", "default"),
        ("${gone=default}", "default"),
        ("${gone:=${name}}", "shop"),
        ("${gone:=a ${name} b}", "a shop b"),
        ("${gone:=}", None),
        ("${empty:=default}", "default"),
        ("${name:=default}", "shop"),
        ("${name^^}", "SHOP"),
        ("${name^}", "Shop"),
        ("${name:1:2}", "ho"),
        ("${name:1}", "hop"),
        ("${#name}", 4),
        ("${dotted/./-}", "a-b.c"),
        ("${dotted//./-}", "a-b-c"),
        ("${dotted%.*}", "a.b"),
        ("${dotted##*.}", "c"),
    ],
)
async def test_a_variable_becomes_its_value(text: str, value: object, renderer: Renderer) -> None:
    """The object's YAML is filled in and read again: a value may be a number, a switch or a list."""
    (body,) = await filled(renderer, {"a.yaml": config(text)})

    assert body["data"] == {"x": value}


@pytest.mark.parametrize("text", ["${gone}", "${gone,,}", "${gone:0}", "${#gone}", "${gone/a/b}", "${name:=${gone}}"])
async def test_a_variable_without_a_value_is_an_error_that_names_it(text: str, renderer: Renderer) -> None:
    """Strict: also behind an operator, which would make an empty text of it; file, line and object are named."""
    with pytest.raises(RenderError, match="no value for gone") as caught:
        await filled(renderer, {"a.yaml": config("y"), "b.yaml": "---\n" + config(text, "b")})

    assert (caught.value.file, caught.value.object) == ("b.yaml", "ConfigMap b")
    assert caught.value.line > 0
    assert "spec.source.postBuild" in caught.value.remedy


async def test_all_variables_without_a_value_are_named_at_once(renderer: Renderer) -> None:
    """Not one after the other, run by run."""
    with pytest.raises(RenderError, match="no value for one, two"):
        await filled(renderer, {"a.yaml": config("${one} ${two} ${one} ${name}")})


@pytest.mark.parametrize("text", ["${", "${name", "${na me}", "${1}", "${name:0:-9}", "${}"])
async def test_a_variable_that_can_not_be_read_is_an_error(text: str, renderer: Renderer) -> None:
    """It names the file and the object."""
    with pytest.raises(RenderError) as caught:
        await filled(renderer, {"a.yaml": config(f"'{text}'")})

    assert caught.value.object == "ConfigMap a"
    assert "a.yaml" in caught.value.message


@pytest.mark.parametrize("name", ["1st", "a-b", "a.b", "", "a b"])
async def test_a_name_that_no_text_could_use_is_refused(name: str, renderer: Renderer) -> None:
    """As a key of a ConfigMap may be."""
    with pytest.raises(RenderError, match="can't be named so"):
        await filled(renderer, {"a.yaml": config("y")}, {name: "x"})


@pytest.mark.parametrize("mark", ["annotations", "labels"])
@pytest.mark.parametrize("key", ["shipslog.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"])
async def test_an_object_may_opt_out(mark: str, key: str, renderer: Renderer) -> None:
    """A script full of `${...}` stays as it is; its neighbour does not."""
    out = config("${gone}", "b", f"\n  {mark}: {{{key}: Disabled}}")

    bodies = await filled(renderer, {"a.yaml": config("${name}"), "b.yaml": out})

    assert [body["data"]["x"] for body in bodies] == ["shop", "${gone}"]


async def test_names_namespaces_and_keys_may_be_variables(renderer: Renderer) -> None:
    """An object is what it is once it is filled in."""
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${name}-a', namespace: '${name}'}\ndata: {'${name}': x}\n"
    )

    (body,) = await filled(renderer, {"a.yaml": text})

    assert body["metadata"] == {"name": "shop-a", "namespace": "shop"}
    assert body["data"] == {"shop": "x"}


async def test_two_objects_that_variables_make_one_are_refused(renderer: Renderer) -> None:
    """Identity counts after the values are in."""
    with pytest.raises(RenderError, match=r"ConfigMap shop in namespace default stands in a\.yaml and in b\.yaml"):
        await filled(renderer, {"a.yaml": config("y", "'${name}'"), "b.yaml": config("y", "shop")})


@pytest.mark.parametrize(
    "files",
    [
        {"kustomization.yaml": "resources: [a.yaml]\nnamePrefix: p-\n", "a.yaml": config("${name}")},
        {
            "Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
            "templates/a.yaml": config("{{ print `${name}` }}"),
        },
        {"list.yaml": "apiVersion: v1\nkind: List\nitems:\n- " + config("${name}").rstrip().replace("\n", "\n  ")},
    ],
    ids=["kustomize", "helm", "list"],
)
async def test_every_way_to_render_is_filled_in(files: dict[str, str], renderer: Renderer) -> None:
    """After everything else was done with it."""
    (body,) = await filled(renderer, files)

    assert body["data"] == {"x": "shop"}


async def test_a_rendering_without_variables_is_left_as_it_is(renderer: Renderer) -> None:
    """Nothing is filled in unless that is asked for."""
    rendered = await renderer.render(MemoryTree({"a.yaml": config("${gone}")}), RenderRequest(root=""))

    assert rendered.objects[0].body["data"] == {"x": "${gone}"}


async def test_large_numbers_and_their_form_survive(renderer: Renderer) -> None:
    """Reading the object again changes nothing that it does not fill in."""
    spec = "{num: 9007199254740993, f: 1.5, s: '010', t: 'yes', v: '${count}'}"
    text = f"apiVersion: v1\nkind: X\nmetadata: {{name: a}}\nspec: {spec}\n"

    (body,) = await filled(renderer, {"a.yaml": text})

    assert body["spec"] == {"num": 9007199254740993, "f": 1.5, "s": "010", "t": "yes", "v": 3}


@pytest.mark.parametrize(
    "text",
    [
        config("${token}"),
        config("'\"${token}'"),
        config("x", "'${token}'"),
        config("x", "a", "\n  namespace: '${token}'"),
        "apiVersion: v1\nkind: '${token}'\nmetadata: {name: a}\n",
        "apiVersion: '${token}'\nkind: A\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: A\nmetadata: '${token}'\n",
        config("y") + "---\n" + config("${token:0:-9}", "b"),
        config("x", "'${token}'") + "---\n" + config("y", "'${token}'"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, "0123", "{s3cret", "s3cret", "['s3cret']", "s3cret: s3cret", "*s3cret"])
async def test_a_secret_value_stands_in_no_error(text: str, value: str, renderer: Renderer) -> None:
    """Whatever a Secret's value breaks, the error names the place and not the value."""
    try:
        await filled(renderer, {"a.yaml": text}, {"token": value}, secret=("token",))
    except RenderError as error:
        said = f"{error} {error.remedy} {error.object} {error.file}"
        assert value not in said
        assert "s3cret" not in said
        assert "83" not in said
        assert "a.yaml" in said


async def test_what_variables_make_of_an_object_is_bounded(renderer: Renderer) -> None:
    """A value that is used again and again ends in an error, not in memory."""
    text = config("'" + "${big}" * 2_000 + "'")

    with pytest.raises(RenderError) as caught:
        await filled(renderer, {"a.yaml": text}, {"big": "x" * 60_000})

    assert caught.value.fault == "limit"


async def test_a_bomb_of_aliases_in_a_value_is_refused(renderer: Renderer) -> None:
    """A value is read as strictly as a file."""
    bomb = "{a: &a [x,x,x,x,x,x,x,x,x], " + ", ".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(8)
    )

    with pytest.raises(RenderError, match="no valid YAML"):
        await filled(renderer, {"a.yaml": config("${bomb}")}, {"bomb": bomb + "}"})
