"""What a Git tree object says: the names of one directory."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from controller.fetch.failure import printable

Kind = Literal["blob", "tree", "symlink", "submodule"]

_ENTRIES = {size: re.compile(rb"([0-7]{1,7}) ([^\0]*)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}
_FORMAT = 0o170000
_KINDS: dict[int, Kind] = {0o100000: "blob", 0o040000: "tree", 0o120000: "symlink", 0o160000: "submodule"}
LONGEST_NAME = 255
"""Bytes that a file system takes for a name (NAME_MAX)."""


class MalformedTree(ValueError):
    """The data is no tree object."""


class Node(NamedTuple):
    """What stands under a name."""

    kind: Kind
    id: str


class Directory(NamedTuple):
    """The names of a directory. `fault` tells what is wrong with the first name that no file system could hold."""

    nodes: dict[str, Node]
    fault: str = ""


class Entry(NamedTuple):
    """One name in a listing; see `controller.render.tree.Entry`."""

    path: str
    kind: Kind
    size: int
    object_id: str


def parse(data: bytes, hash_size: int) -> Directory:
    """Read a tree object; names that no checkout could produce are left out and named in `fault`.

    Args:
        data: The object's content.
        hash_size: Bytes of an object id: 20, or 32 with SHA-256.

    Raises:
        MalformedTree: the data is no tree object.
    """
    nodes: dict[str, Node] = {}
    fault = ""
    position = 0
    for entry in _ENTRIES[hash_size].finditer(data):
        if entry.start() != position:
            break
        position = entry.end()
        mode, raw, id_ = entry.groups()
        kind = _KINDS.get(int(mode, 8) & _FORMAT)
        name = raw.decode("utf-8", "surrogateescape")
        wrong = _wrong(name, raw, kind) or ("is there twice" if name in nodes else "")
        if wrong or kind is None:
            fault = fault or f"{printable(repr(raw)[1:])} {wrong}"
        else:
            nodes[name] = Node(kind, id_.hex())
    if position != len(data):
        raise MalformedTree("it is cut off, or no tree object at all")
    return Directory(nodes, fault)


def _wrong(name: str, raw: bytes, kind: Kind | None) -> str:
    if kind is None:
        return "has no known mode"
    if name in {"", ".", ".."} or "/" in name:
        return "is no name of a file"
    if name.lower() == ".git":
        return "is Git's own directory"
    if len(raw) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    if not raw.isascii() and any("\ud800" <= mark <= "\udfff" for mark in name):
        return "is not UTF-8"
    return ""
