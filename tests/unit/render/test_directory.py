"""A directory of this machine, read as a commit would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.render import DirectoryTree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with files, links out of it, and a secret beside it."""
    (tmp_path / "secret.yaml").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.yaml").write_text("secret")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (root / "a" / "one.yaml").write_text("one")
    (root / "a" / "b" / "two.yaml").write_text("twotwo")
    (root / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "inside.yaml").symlink_to("a/one.yaml")
    return root


async def test_a_directory_lists_files_directories_and_links(root: Path) -> None:
    """Sorted, with sizes, without .git."""
    entries = await DirectoryTree(root).entries("")

    assert entries is not None
    assert [(entry.path, entry.kind, entry.size) for entry in entries] == [
        ("a", "tree", 0),
        ("inside.yaml", "symlink", 0),
        ("link.yaml", "symlink", 0),
        ("out", "symlink", 0),
    ]


async def test_a_deep_listing_has_everything_but_directories(root: Path) -> None:
    """Links are listed, not entered."""
    tree = DirectoryTree(root)

    everything = await tree.entries("", deep=True)
    below = await tree.entries("a", deep=True)

    assert everything is not None
    assert below is not None
    assert [entry.path for entry in everything] == ["a/b/two.yaml", "a/one.yaml", "inside.yaml", "link.yaml", "out"]
    assert [(entry.path, entry.size) for entry in below] == [("b/two.yaml", 6), ("one.yaml", 3)]


@pytest.mark.parametrize(
    "path",
    [
        "link.yaml",
        "inside.yaml",
        "out/secret.yaml",
        "../secret.yaml",
        "a/../../secret.yaml",
        "a/./one.yaml",
        "/etc/passwd",
    ],
)
async def test_nothing_is_read_through_a_link_or_outside(path: str, root: Path) -> None:
    """Neither the last name nor one on the way may be a link."""
    tree = DirectoryTree(root)

    assert await tree.blob(path) is None
    assert await tree.entries(path) is None


async def test_kinds_are_told_apart(root: Path) -> None:
    """Blob, tree, symlink, and nothing, also below a link."""
    tree = DirectoryTree(root)

    kinds = [str(await tree.object_id(path)).partition(":")[0] for path in ("a", "a/one.yaml", "out", "out/x", "none")]

    assert kinds == ["tree", "blob", "symlink", "None", "None"]


async def test_a_changed_file_has_another_id(root: Path) -> None:
    """An unchanged one has the same."""
    tree = DirectoryTree(root)
    before = await tree.object_id("a/one.yaml")

    assert await tree.object_id("a/one.yaml") == before
    (root / "a" / "one.yaml").write_text("changed")
    assert await tree.object_id("a/one.yaml") != before
