"""The engine's questions are answered from the commit's tree, within bounds."""

from __future__ import annotations

import pytest

from controller.errors import Transient
from controller.render import Limits, RenderError
from controller.render.lookup import Lookup
from controller.render.protocol import Ask, Found
from tests.unit.render.memory import MemoryTree, Submodule, Symlink

TREE = MemoryTree(
    {
        "a.yaml": "a",
        "b.bin": b"\xff",
        "c.txt": "not sent along",
        "big.yaml": "x" * 300_000,
        "d/e.yaml": "e",
        "link": Symlink("d"),
        "module": Submodule("abc"),
    }
)


async def ask(path: str, **more: object) -> Found:
    """Ask a fresh look-up once."""
    return await Lookup(TREE, Limits()).answer(Ask(path, **more))  # type: ignore[arg-type]


async def test_a_listing_brings_the_manifests_with_it() -> None:
    """Other files and large ones are listed with their size only."""
    found = await ask("")

    sent = {entry.path: entry.text for entry in found.entries}
    assert found.kind == "tree"
    assert sent == {
        "a.yaml": "a",
        "b.bin": None,
        "big.yaml": None,
        "c.txt": None,
        "d": None,
        "link": None,
        "module": None,
    }


async def test_a_file_is_sent_as_text_or_as_base64() -> None:
    """What is not UTF-8 arrives unchanged, too."""
    assert (await ask("a.yaml")).text == "a"
    assert (await ask("b.bin")).base64 == "/w=="


@pytest.mark.parametrize(
    ("path", "kind", "at"),
    [
        ("none", "none", ""),
        ("a.yaml/below", "none", ""),
        ("link", "symlink", "link"),
        ("link/e.yaml", "symlink", "link"),
        ("module/x/y", "submodule", "module"),
    ],
)
async def test_what_hides_a_path_is_named(path: str, kind: str, at: str) -> None:
    """Nothing, a symlink or a submodule, wherever it stands on the way."""
    found = await ask(path)

    assert (found.kind, found.at) == (kind, at)


@pytest.mark.parametrize("path", ["..", "../x", "a/../b", "/etc/passwd", "a//b", "./a", "a/."])
async def test_a_path_that_is_none_of_a_repository_is_refused(path: str) -> None:
    """Whatever made the engine ask for it."""
    lookup = Lookup(TREE, Limits())

    assert (await lookup.answer(Ask(path))).kind == "large"
    assert isinstance(lookup.error, RenderError)


async def test_a_file_beyond_the_limit_is_not_sent() -> None:
    """The engine learns only that it is too large."""
    lookup = Lookup(TREE, Limits(file_bytes=100))

    assert (await lookup.answer(Ask("big.yaml"))).kind == "large"


async def test_the_engine_may_not_read_for_ever() -> None:
    """All files sent in one request are bounded together, however often they are asked for."""
    lookup = Lookup(TREE, Limits(total_bytes=1_000))

    for _ in range(3_000):
        await lookup.answer(Ask("a.yaml"))

    assert lookup.error is not None
    assert "larger than 1000 bytes" in lookup.error.message


async def test_a_failure_of_the_tree_is_kept_for_the_one_who_asked() -> None:
    """The engine is told that it can't have the file; the request fails with the tree's own error."""

    class Broken(MemoryTree):
        async def blob(self, path: str) -> bytes | None:
            raise Transient(f"{path}: the mirror is gone")

    lookup = Lookup(Broken({"x.txt": "x"}), Limits())

    assert (await lookup.answer(Ask("x.txt"))).kind == "large"
    assert isinstance(lookup.error, Transient)
