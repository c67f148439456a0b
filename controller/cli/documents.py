"""Kubernetes objects from a stream of YAML or JSON, read as kubectl reads it.

The render engine reads the YAML. It refuses two objects of one identity and objects without a name, which is right
for a repository and wrong here: so each document is put into an object of its own, under `body`, one level deeper.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from controller.render import Limits, Plain, RenderError, RenderRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from controller.model.base import Json
    from controller.render import Renderer
    from controller.render.tree import EntryKind

LIMITS = Limits(
    file_bytes=64 << 20, total_bytes=128 << 20, files=100_000, objects=100_000, output_bytes=128 << 20, nodes=5_000_000
)
_HEAD = 'apiVersion: v1\nkind: Document\nmetadata: {{name: "{name}"}}\nbody:\n'
_HEAD_LINES = 4
# What YAML 1.1 takes for a line break.
_BREAK = re.compile("(\r\n|[\r\n\x85\u2028\u2029])(?=.)", re.DOTALL)
# At the beginning of a line these end a document even inside quotes and blocks (YAML 1.2, section 9.1).
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_LINE = re.compile(r"\bline (\d+)")


class Document(msgspec.Struct, frozen=True):
    """One document of a stream and the line it begins at, from 1."""

    text: str
    line: int


async def read(name: str, data: bytes, renderer: Renderer) -> list[Json]:
    """All objects of a stream, lists expanded, in order.

    Raises RenderError that names the file (`name`), the line where it is known, and what is wrong there.
    """
    values = _json(data)
    if values is None:
        values = await _yaml(name, data, renderer)
    return [body for value in values for body in expanded(name, value)]


def expanded(name: str, value: Any) -> Iterator[Json]:
    """The objects of one document: itself, or the items of a list."""
    if isinstance(value, list):
        for item in value:
            yield from expanded(name, item)
        return
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise RenderError(f"{name}: a Kubernetes object is expected: one of its documents has no kind", file=name)
    items = value.get("items")
    if not value["kind"].endswith("List") or not isinstance(items, list):
        yield value
        return
    # Items of a typed list may leave out what the list says: a PodList holds Pods.
    said = {"apiVersion": value.get("apiVersion"), "kind": value["kind"].removesuffix("List")}
    for item in items:
        yield from expanded(name, said | item if said["kind"] and isinstance(item, dict) else item)


def split(text: str) -> list[Document]:
    """The documents of a stream, those without any content left out."""
    found, start = [], 0
    ends = [*_MARKER.finditer(text), None]
    for end in ends:
        part = text[start : end.start() if end else len(text)]
        if part.strip():
            found.append(Document(part, 1 + text.count("\n", 0, start)))
        start = end.end() if end else len(text)
    return found


def _json(data: bytes) -> list[Any] | None:
    """The values where all of the data is JSON, one value or a stream of them."""
    if data.lstrip()[:1] not in {b"{", b"["}:
        return None
    try:
        return [orjson.loads(data)]
    except orjson.JSONDecodeError:
        return _json_stream(data)


def _json_stream(data: bytes) -> list[Any] | None:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    values: list[Any] = []
    try:
        text = data.decode().strip()
        while text:
            value, end = decoder.raw_decode(text)
            values.append(value)
            text = text[end:].lstrip()
    except (ValueError, RecursionError):
        return None  # flow style YAML begins like JSON
    return values


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and infinity are none of JSON


async def _yaml(name: str, data: bytes, renderer: Renderer) -> list[Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RenderError(f"{name}: not UTF-8 at byte {error.start}", file=name) from None
    documents = split(text)
    tree = Stream({f"{index:06}.yaml": wrapped(index, one.text) for index, one in enumerate(documents)})
    try:
        rendered = await renderer.render(tree, RenderRequest(root="", kind="plain", plain=Plain(), limits=LIMITS))
    except RenderError as error:
        raise _placed(error, name, documents) from None
    return [one.body["body"] for one in rendered.objects if one.body.get("body") is not None]


def wrapped(index: int, text: str) -> bytes:
    """The document one level deeper in an object with a name of its own: its meaning stays the same."""
    return (_HEAD.format(name=index) + "  " + _BREAK.sub(r"\1  ", text)).encode()


def _placed(error: RenderError, name: str, documents: Sequence[Document]) -> RenderError:
    """The error as one of the stream: file and lines are the user's own."""
    inner = error.file
    if not inner.endswith(".yaml"):
        return RenderError(f"{name}: {error.message}", remedy=error.remedy, fault=error.fault, file=name)
    shift = documents[int(inner.removesuffix(".yaml"))].line - 1 - _HEAD_LINES
    message = _LINE.sub(lambda hit: f"line {max(1, int(hit[1]) + shift)}", error.message).replace(inner, name)
    line = max(1, error.line + shift) if error.line else 0
    return RenderError(message, remedy=error.remedy, fault=error.fault, file=name, line=line)


class StreamEntry(msgspec.Struct, frozen=True):
    """One document as a file."""

    path: str
    size: int
    kind: EntryKind = "blob"
    object_id: str = ""


class Stream:
    """Documents as the files of one directory (`controller.render.Tree`)."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    async def entries(self, path: str, *, deep: bool = False) -> Sequence[StreamEntry] | None:
        """All files; there is one directory only."""
        del deep
        return None if path else [StreamEntry(name, len(data)) for name, data in sorted(self._files.items())]

    async def blob(self, path: str) -> bytes | None:
        """One file."""
        return self._files.get(path)

    async def object_id(self, path: str) -> str | None:
        """An identity that holds as long as this process."""
        if not path:
            return f"tree:{id(self)}"
        return f"blob:{id(self)}-{path}" if path in self._files else None
