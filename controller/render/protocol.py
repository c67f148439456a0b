"""The engine's language: frames of 4 bytes of length (big-endian) and JSON, over its stdin and stdout."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Literal

import msgspec

from controller.render.request import Dependency, EngineRequest, RenderedObject
from controller.render.tree import EntryKind

if TYPE_CHECKING:
    import asyncio

MAX_FRAME = 256 << 20  # bytes


class SentEntry(msgspec.Struct, omit_defaults=True):
    """One name of a directory, with its content where it is sent along."""

    path: str
    kind: EntryKind
    size: int = 0
    text: str | None = None
    base64: str | None = None


class Found(msgspec.Struct, omit_defaults=True):
    """What stands at a path; `at` is where the symlink or submodule stands that hides it."""

    kind: Literal["blob", "tree", "symlink", "submodule", "none", "large"]
    at: str = ""
    entries: list[SentEntry] = []
    text: str | None = None
    base64: str | None = None


class SentRequest(EngineRequest, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A request with the listing of its root."""

    preload: Found | None = None


class Outgoing(msgspec.Struct, omit_defaults=True):
    """A message to the engine; one field is set."""

    render: SentRequest | None = None
    found: Found | None = None


class Ready(msgspec.Struct):
    """The engine's first word; `confined` says whether the platform took network and files away from it."""

    version: str
    confined: bool


class Ask(msgspec.Struct):
    """A look-up: the listing or content at `path`, everything below it, or the files named in `read` below it."""

    path: str
    deep: bool = False
    read: list[str] = []


class Answer(msgspec.Struct, frozen=True):
    """The objects."""

    kind: Literal["plain", "kustomize", "helm"]
    objects: tuple[RenderedObject, ...]
    warnings: tuple[str, ...]
    nondeterministic: bool
    capabilities: bool
    dependencies: tuple[Dependency, ...]


class Failure(msgspec.Struct):
    """Why there are none."""

    message: str
    kind: Literal["input", "limit", "internal"]
    file: str = ""
    line: int = 0
    object: str = ""
    remedy: str = ""


class Incoming(msgspec.Struct):
    """A message from the engine; one field is set. The answer stays bytes until someone wants the objects."""

    ready: Ready | None = None
    ask: Ask | None = None
    answer: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None


_encoder = msgspec.json.Encoder()
_incoming = msgspec.json.Decoder(Incoming)
_answer = msgspec.json.Decoder(Answer)


def encode(message: Outgoing) -> bytes:
    """Return the frame of a message."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


def decode_answer(answer: bytes) -> Answer:
    """Return the objects of an answer that was kept as bytes."""
    return _answer.decode(answer)


async def receive(stream: asyncio.StreamReader) -> Incoming:
    """Read one message.

    Raises:
        asyncio.IncompleteReadError: The engine ended.
        msgspec.DecodeError: It spoke nonsense.
    """
    size = int.from_bytes(await stream.readexactly(4), "big")
    if size > MAX_FRAME:
        msg = f"a message of {size} bytes"
        raise msgspec.DecodeError(msg)
    return _incoming.decode(await stream.readexactly(size))


def fill(message: Found | SentEntry, data: bytes) -> None:
    """Put a file's bytes into a message: as text where they are UTF-8."""
    try:
        message.text = data.decode()
    except UnicodeDecodeError:
        message.base64 = base64.b64encode(data).decode()
