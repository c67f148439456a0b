"""YAML means what `kubectl apply` makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.render import RenderError, RenderRequest
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from controller.render import Renderer

HEAD = "apiVersion: v1\nkind: X\nmetadata: {name: a}\n"

SCALARS: list[tuple[str, Any]] = [
    *((text, True) for text in ("yes", "y", "Y", "on", "On", "true", "True", "TRUE")),
    *((text, False) for text in ("n", "off")),
    *((text, None) for text in ("~", "null", "Null", "NULL", "")),
    ("2020-01-01", "2020-01-01"),
    ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    *((text, text) for text in ("12:30", "12:30:45", "190:20:30", "=", "<<", "v1", "1,000", "0x")),
    ("0o14", 12),
    ("014", 12),
    ("010", 8),
    ("0777", 511),
    ("08", 8),
    ("0x1F", 31),
    ("0b11", 3),
    ("1_000", 1000),
    ("1e3", 1000),
    ("1E3", 1000),
    ("1.0", 1),
    ("1.", 1),
    ("+1", 1),
    (".5", 0.5),
    ("-0", 0),
    ("1e400", "1e400"),
    ("12345678901234567890", 12345678901234567890),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("1.10", 1.1),
    ("!!str yes", "yes"),
    ("!!binary aGk=", "hi"),
    ("!foo 1", "1"),
]


async def read(renderer: Renderer, text: str) -> dict[str, Any]:
    """Return the one object of a file."""
    rendered = await renderer.render(MemoryTree({"a.yaml": text}), RenderRequest(root=""))
    (one,) = rendered.objects
    return one.body


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text or "nothing" for text, _ in SCALARS])
async def test_a_scalar_means_what_kubectl_makes_of_it(text: str, value: Any, renderer: Renderer) -> None:
    """Value and type are those of the reader of kubectl."""
    body = await read(renderer, f"{HEAD}a: {text}\n")

    assert body["a"] == value
    assert isinstance(body["a"], type(value)) or isinstance(value, int | float)
    assert not isinstance(value, bool) or body["a"] is value


@pytest.mark.parametrize("text", [".inf", ".nan", "*x"])
async def test_a_scalar_without_meaning_is_an_error(text: str, renderer: Renderer) -> None:
    """JSON has no such value."""
    with pytest.raises(RenderError) as caught:
        await read(renderer, f"{HEAD}a: {text}\n")

    assert caught.value.file == "a.yaml"


async def test_keys_become_strings(renderer: Renderer) -> None:
    """Numbers and booleans too."""
    body = await read(renderer, f"{HEAD}1: a\nyes: b\n1.5: c\n")

    assert (body["1"], body["true"], body["1.5"]) == ("a", "b", "c")


@pytest.mark.parametrize("key", ["null", "[a]"])
async def test_a_key_that_can_be_no_string_is_an_error(key: str, renderer: Renderer) -> None:
    """Null and sequences."""
    with pytest.raises(RenderError):
        await read(renderer, f"{HEAD}? {key}\n: a\n")


@pytest.mark.parametrize(
    ("text", "b"),
    [("x: &x {a: 1, b: 1}\nz: {<<: *x, b: 2}\n", 2), ("x: &x {a: 1, b: 1}\nz: {b: 2, <<: *x}\n", 1)],
    ids=["local key last", "merge key last"],
)
async def test_merge_keys_merge_and_what_stands_last_wins(text: str, b: int, renderer: Renderer) -> None:
    """An overridden key is no duplicate; the order counts, as it does for the reader of kubectl."""
    assert (await read(renderer, HEAD + text))["z"] == {"a": 1, "b": b}


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", 6, "a"),
        ("a:\n  c: 1\n  c: 2\n", 6, "c"),
        ("spec: {x: 1, x: 1}\n", 4, "x"),
        ("x: &x {a: 1}\ny: {<<: *x, b: 2, b: 3}\n", 5, "b"),
    ],
)
async def test_a_duplicate_key_is_an_error_that_names_file_line_and_key(
    text: str, line: int, key: str, renderer: Renderer
) -> None:
    """Also further down in a file of several documents."""
    for before in (0, 3):
        document = "# x\n" * max(before - 1, 0) + "---\n" * (before > 0) + HEAD + text
        with pytest.raises(RenderError) as caught:
            await read(renderer, document)
        error = caught.value
        assert (error.file, error.line, error.object) == ("a.yaml", line + before, key)
        assert f'"{key}"' in error.message
        assert error.remedy


async def test_a_duplicate_key_in_json_is_an_error_too(renderer: Renderer) -> None:
    """JSON is read as strictly."""
    with pytest.raises(RenderError, match=r'duplicate field "data\.a"'):
        await read(renderer, '{"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "data": {"a": 1, "a": 2}}')


@pytest.mark.parametrize(
    "text", ["%YAML 1.2\n---\n" + HEAD, HEAD + "a:\n\tb: 1\n", HEAD + "a: [\n", HEAD + "a: b: c\n", "\xff"]
)
async def test_what_is_not_yaml_is_an_error_that_names_the_file(text: str, renderer: Renderer) -> None:
    """A directive, a tab as indentation, and plain mistakes."""
    with pytest.raises(RenderError) as caught:
        await renderer.render(MemoryTree({"a.yaml": text.encode("latin-1")}), RenderRequest(root=""))

    assert caught.value.file == "a.yaml"
    assert "a.yaml" in caught.value.message


@pytest.mark.parametrize("text", [HEAD + "a:\n\tb: 1\n", HEAD + "a:\n  b: 1\n \tc: 1\n", HEAD + "a:\n  - b\n\t- c\n"])
async def test_a_tab_that_indents_is_called_a_tab(text: str, renderer: Renderer) -> None:
    """It looks like spaces: who does not know what to look for does not find it."""
    with pytest.raises(RenderError, match="tab character") as caught:
        await renderer.render(MemoryTree({"a.yaml": text}), RenderRequest(root=""))

    assert caught.value.line == text.count("\n", 0, text.index("\t")) + 1
    assert caught.value.remedy == "indent with spaces"


async def test_documents_are_split_wherever_kubectl_splits_them(renderer: Renderer) -> None:
    """With comments, spaces, Windows' line ends, a byte order mark, empty documents, and an end marker."""
    one = "apiVersion: v1\nkind: X\nmetadata: {name: %s}\n"
    text = (
        "\ufeff# comment\n---\n"
        + one % "a"
        + "--- # comment\n"
        + one % "b"
        + "---  \n---\n# nothing\n---\nnull\n--- \n"
        + (one % "c").replace("\n", "\r\n")
        + "---\r\n"
        + one % "d"
        + "data: |\n  ---\n  inside\n"
        + "...\n"
        + one % "e"
        + "--- {apiVersion: v1, kind: X, metadata: {name: f}}\n"
    )

    rendered = await renderer.render(MemoryTree({"a.yaml": text}), RenderRequest(root=""))

    assert [one.body["metadata"]["name"] for one in rendered.objects] == list("abcdef")
    assert rendered.objects[3].body["data"] == "---\ninside\n"


async def test_a_stream_of_json_objects_is_read(renderer: Renderer) -> None:
    """With tabs, and numbers as they are written."""
    text = '{\n\t"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "n": 1.0}\n'

    stream = text + text.replace('"a"}', '"b"}')
    rendered = await renderer.render(MemoryTree({"a.json": stream}), RenderRequest(root=""))

    assert [one.body["metadata"]["name"] for one in rendered.objects] == ["a", "b"]
