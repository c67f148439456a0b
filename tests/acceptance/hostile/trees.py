"""Commits that no git command would make: trees written byte by byte."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Literal

from tests.acceptance.hostile.case import Content
from tests.ground.git_repository import environment, git

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FILE, LINK, TREE, MODULE = b"100644", b"120000", b"40000", b"160000"
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: raw-neighbour}\ndata: {version: '%s'}\n"
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
ENTRIES = 5_000
"""The limit of entries that the test's controller has."""

Entry = tuple[bytes, bytes, str]


class Objects:
    """The objects of a bare repository."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository

    def write(self, kind: Literal["blob", "tree"], content: bytes) -> str:
        """Store an object, whatever it is; its id."""
        command = ["git", "hash-object", "-w", "-t", kind, "--literally", "--stdin"]
        done = subprocess.run(
            command, cwd=self.repository, env=environment(), input=content, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def blob(self, text: str) -> str:
        """Store a file."""
        return self.write("blob", text.encode())

    def tree(self, entries: Sequence[Entry]) -> str:
        """Store a directory, in the order given."""
        return self.write(
            "tree", b"".join(b"%s %s\0" % (mode, name) + bytes.fromhex(id_) for mode, name, id_ in entries)
        )

    def commit(self, tree: str, *parents: str) -> str:
        """Commit a tree on main."""
        options = [part for parent in parents for part in ("-p", parent)]
        sha = git("commit-tree", tree, *options, "-m", "raw", cwd=self.repository)
        git("update-ref", "refs/heads/main", sha, cwd=self.repository)
        return sha


Builder = "Callable[[Objects, str], str]"


def _entry(mode: bytes, name: bytes, content: str = "") -> Callable[[Objects, str], str]:
    def build(objects: Objects, file: str) -> str:
        return objects.tree([(mode, name, objects.blob(content) if content else file)])

    return build


def _module(objects: Objects, file: str) -> str:
    return objects.tree([(FILE, b"a.yaml", file), (MODULE, b"sub.yaml", "1" * 40)])


def _many(objects: Objects, file: str) -> str:
    return objects.tree([(FILE, b"%05d.yaml" % number, file) for number in range(10_000)])


def _deep(objects: Objects, file: str) -> str:
    tree = objects.tree([(FILE, b"a.yaml", file)])
    for _ in range(200):
        tree = objects.tree([(TREE, b"d", tree)])
    return tree


def _bomb(objects: Objects, file: str) -> str:
    tree = objects.tree([(FILE, b"%02d" % number, file) for number in range(10)])
    for _ in range(9):
        tree = objects.tree([(TREE, b"%02d" % number, tree) for number in range(10)])
    return tree


def _twice(objects: Objects, file: str) -> str:
    return objects.tree([(FILE, b"a.yaml", file), (FILE, b"a.yaml", objects.blob("b"))])


def _linked_chart(objects: Objects, file: str) -> str:
    chart = objects.blob("apiVersion: v2\nname: raw\nversion: 0.1.0\n")
    link = objects.blob("../../../../etc")
    return objects.tree([(FILE, b"Chart.yaml", chart), (LINK, b"templates", link), (FILE, b"x", file)])


def _linked_base(objects: Objects, file: str) -> str:
    kustomization = objects.blob("resources: [base]\n")
    return objects.tree(
        [(LINK, b"base", objects.blob(".")), (FILE, b"kustomization.yaml", kustomization), (FILE, b"x", file)]
    )


_RECURSE: dict[str, object] = {"plain": {"recurse": True}}

_TREES: tuple[tuple[str, Callable[[Objects, str], str], Sequence[str], dict[str, object]], ...] = (
    ("raw-submodule", _module, ("raw-submodule/sub.yaml", "submodule"), {}),
    ("raw-lfs", _entry(FILE, b"a.yaml", POINTER), ("raw-lfs/a.yaml", "LFS"), {}),
    ("raw-link-out", _entry(LINK, b"a.yaml", "/etc/passwd"), ("raw-link-out/a.yaml", "symbolic link"), {}),
    ("raw-link-loop", _entry(LINK, b"a.yaml", "a.yaml"), ("raw-link-loop/a.yaml", "symbolic link"), {}),
    ("raw-link-chart", _linked_chart, ("raw-link-chart/templates", "symbolic link"), {}),
    ("raw-link-base", _linked_base, ("raw-link-base/base", "symbolic link"), {}),
    ("raw-parent", _entry(FILE, b".."), ("raw-parent", "'..'", "rename"), {}),
    ("raw-git", _entry(FILE, b".git"), ("raw-git", "'.git'", "rename"), {}),
    ("raw-slash", _entry(FILE, b"a/../../b"), ("raw-slash", "rename"), {}),
    ("raw-latin1", _entry(FILE, "Bär.yaml".encode("latin-1")), ("raw-latin1", "UTF-8"), {}),
    ("raw-newline", _entry(FILE, b"a\nb.yaml", "}{"), ("raw-newline", "b.yaml"), {}),
    ("raw-long-name", _entry(FILE, b"n" * 300), ("raw-long-name", "255"), {}),
    ("raw-mode", _entry(b"777", b"a.yaml"), ("raw-mode", "mode"), {}),
    ("raw-twice", _twice, ("raw-twice", "twice"), {}),
    ("raw-many", _many, ("raw-many", "5000", "split"), {}),
    ("raw-many-below", _many, ("raw-many-below", "5000", "split"), _RECURSE),
    ("raw-deep", _deep, ("raw-deep", "64", "flatter"), _RECURSE),
    ("raw-bomb", _bomb, ("raw-bomb", "5000"), {"repository": "bomb", **_RECURSE}),
    ("raw-link-itself", lambda objects, _: objects.blob(".."), ("raw-link-itself", "symlink", "spec.source.path"), {}),
)

TREES = tuple(
    Content(name, "tree", {}, says, {"source": {"repository": "raw", **options}}) for name, _, says, options in _TREES
)


def commit(repository: Path, version: str, *, parent: str = "") -> str:
    """Commit all of them but the bomb, beside a directory `raw-neighbour` with one good object; the commit."""
    objects = Objects(repository)
    file = objects.blob(GOOD % version)
    built = [(name, build(objects, file)) for name, build, *_ in _TREES if build is not _bomb]
    entries = [(LINK if name == "raw-link-itself" else TREE, name.encode(), id_) for name, id_ in built]
    entries.append((TREE, b"raw-neighbour", objects.tree([(FILE, b"a.yaml", file)])))
    entries.sort(key=lambda entry: entry[1] + (b"/" if entry[0] == TREE else b""))
    return objects.commit(objects.tree(entries), *filter(None, [parent]))


def commit_bomb(repository: Path) -> None:
    """Commit a directory that holds itself a milliard times.

    Alone: over a second commit of it the Git server thinks for ever (pack-objects, looking for bases of a thin pack).
    """
    objects = Objects(repository)
    objects.commit(objects.tree([(TREE, b"raw-bomb", _bomb(objects, objects.blob(GOOD % "1")))]))
