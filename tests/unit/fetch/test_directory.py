"""Tree objects, also hostile ones."""

from __future__ import annotations

import pytest

from controller.fetch.directory import MalformedTree, Node, parse

ID = bytes(range(20))


def _entry(mode: str, name: bytes, id_: bytes = ID) -> bytes:
    return mode.encode() + b" " + name + b"\0" + id_


def test_modes_are_kinds() -> None:
    """Whether a file is executable is nobody's business; legacy modes are files."""
    data = b"".join(
        _entry(mode, name)
        for mode, name in [
            ("100644", b"a"),
            ("100755", b"b"),
            ("100664", b"c"),
            ("120000", b"d"),
            ("160000", b"e"),
            ("40000", b"f"),
        ]
    )

    kinds = {name: node.kind for name, node in parse(data, 20).nodes.items()}

    assert kinds == {"a": "blob", "b": "blob", "c": "blob", "d": "symlink", "e": "submodule", "f": "tree"}


@pytest.mark.parametrize("name", [b"..", b".", b"", b"a/b", b".git", b".GIT", b"\xff\xfe", b"x" * 256])
def test_a_name_that_no_file_system_could_hold_is_named_and_left_out(name: bytes) -> None:
    """Nothing can be reached under it, and who lists the directory is told."""
    directory = parse(_entry("100644", b"a") + _entry("40000", name), 20)

    assert list(directory.nodes) == ["a"]
    assert directory.fault


def test_a_name_that_is_there_twice_is_a_fault() -> None:
    """The first stands."""
    directory = parse(_entry("100644", b"a") + _entry("120000", b"a", bytes(20)), 20)

    assert directory.nodes == {"a": Node("blob", ID.hex())}
    assert "twice" in directory.fault


def test_ids_of_sha256_are_longer() -> None:
    """The size of an id is the repository's."""
    assert parse(_entry("100644", b"a", bytes(32)), 32).nodes["a"].id == "0" * 64


@pytest.mark.parametrize(
    "data", [_entry("100644", b"a")[:-1], b"100644 a", b"x a\0" + ID, b"100999 a\0" + ID, b"\0" * 40]
)
def test_what_is_no_tree_is_refused(data: bytes) -> None:
    """A cut or mangled object is an error, never half a directory."""
    with pytest.raises(MalformedTree):
        parse(data, 20)
