"""A commit's files without a checkout, also of a hostile commit."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import pytest

from controller.fetch.difference import MOST
from controller.fetch.environment import local
from controller.fetch.errors import PathNotFound, PointerRefused, TooLarge, TreeRefused
from controller.fetch.objects import Objects
from controller.fetch.reader import Limits
from controller.fetch.tree import CommitTree
from controller.model.ref import Ref
from tests.ground.git_repository import environment
from tests.ground.git_server import git
from tests.integration.fetch.conftest import SHOP, repositories, repository

if TYPE_CHECKING:
    from pathlib import Path

    from controller.fetch.repository import Repositories
    from tests.integration.fetch.conftest import Shop


def _git(cwd: Path, *arguments: str, stdin: bytes) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, input=stdin, env=environment(), capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode().strip()


def _tree(cwd: Path, *lines: str) -> str:
    return _git(cwd, "mktree", "--missing", stdin="".join(f"{line}\n" for line in lines).encode())


def _raw_tree(cwd: Path, *entries: tuple[str, bytes, str]) -> str:
    """A tree object that no git command would write."""
    data = b"".join(f"{mode} ".encode() + name + b"\0" + bytes.fromhex(id_) for mode, name, id_ in entries)
    return _git(cwd, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)


def _blob(cwd: Path, content: bytes) -> str:
    return _git(cwd, "hash-object", "-w", "--stdin", stdin=content)


def _commit(bare: Path, tree: str) -> str:
    """Make a commit of this tree the head of `hostile`."""
    sha = git("commit-tree", tree, "-m", "Hostile", cwd=bare)
    git("update-ref", "refs/heads/hostile", sha, cwd=bare)
    return sha


HOSTILE = Ref(branch="hostile")


async def test_files_are_listed_flat_and_deep_with_sizes(shop: Shop, tmp_path: Path) -> None:
    """As `controller.render.tree.Tree` promises: relative, sorted, directories left out of a deep listing."""
    await shop.publish({"x/b.yaml": "b", "x/y/c.yaml": "ccc", "x-1": "d", "x.d/e": "e"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        flat = await tree.entries("")
        deep = await tree.entries("", deep=True)
        below = await tree.entries("x", deep=True)

        assert flat is not None
        assert [(e.path, e.kind, e.size) for e in flat] == [
            ("a.yaml", "blob", 4),
            ("x", "tree", 0),
            ("x-1", "blob", 1),
            ("x.d", "tree", 0),
        ]
        assert [e.path for e in deep or ()] == ["a.yaml", "x-1", "x.d/e", "x/b.yaml", "x/y/c.yaml"]
        assert [(e.path, e.size) for e in below or ()] == [("b.yaml", 1), ("y/c.yaml", 3)]
        assert await tree.object_id("x/y/c.yaml") == "blob:" + git("rev-parse", "main:x/y/c.yaml", cwd=shop.bare.path)
        assert await tree.object_id("x/y") == "tree:" + git("rev-parse", "main:x/y", cwd=shop.bare.path)
        assert await tree.blob("x/y/c.yaml") == b"ccc"


@pytest.mark.parametrize("path", ["nothing", "x/nothing", "a.yaml/b", "../a.yaml", "./a.yaml", "/a.yaml", "x/", ".git"])
async def test_a_path_that_leads_nowhere_is_nothing(shop: Shop, tmp_path: Path, path: str) -> None:
    """There is no way out of the commit, and none through a file."""
    await shop.publish({"x/b.yaml": "b"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)

        assert await tree.object_id(path) is None
        assert await tree.blob(path) is None
        assert await tree.entries(path) is None


async def test_an_unchanged_directory_keeps_its_id_over_commits(shop: Shop, tmp_path: Path) -> None:
    """What an Application depends on is the content, never the commit."""
    await shop.publish({"x/b.yaml": "b"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        one = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        second = await shop.publish({"elsewhere": "c"})
        await opened.revision(SHOP, Ref(), fresh_since=asyncio.get_running_loop().time())
        two = opened.tree(SHOP, second)

        assert await one.directory("x") == await two.directory("x")
        assert await one.directory("") != await two.directory("")


async def test_symlinks_and_submodules_are_entries_and_lead_nowhere(shop: Shop, tmp_path: Path) -> None:
    """A link to a file of this machine, or to a directory beside it, is never followed."""
    bare = shop.bare.path
    inner = _tree(bare, f"100644 blob {_blob(bare, b'secret')}\tfile")
    sha = _commit(
        bare,
        _tree(
            bare,
            f"120000 blob {_blob(bare, b'/etc/passwd')}\tpasswd",
            f"120000 blob {_blob(bare, b'real')}\tlink",
            f"040000 tree {inner}\treal",
            f"160000 commit {shop.first}\tmodule",
        ),
    )
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        await opened.revision(SHOP, HOSTILE)
        tree = opened.tree(SHOP, sha)
        kinds = {entry.path: (entry.kind, entry.size) for entry in await tree.entries("") or ()}

        assert kinds == {
            "passwd": ("symlink", 0),
            "link": ("symlink", 0),
            "real": ("tree", 0),
            "module": ("submodule", 0),
        }
        assert await tree.blob("passwd") is None
        assert await tree.blob("link/file") is None
        assert await tree.entries("link") is None
        assert await tree.entries("module") is None
        assert (await tree.object_id("module")) == f"submodule:{shop.first}"
        assert await tree.blob("real/file") == b"secret"


@pytest.mark.parametrize("name", [b"..", b"a/../../x", b".git", b"\xff\xfe"])
async def test_a_hostile_name_is_refused_where_it_stands_and_harms_nobody_else(
    shop: Shop, tmp_path: Path, name: bytes
) -> None:
    """Who lists its directory is told its name; files beside it can be read."""
    bare = shop.bare.path
    blob = _blob(bare, b"a: 1")
    bad = _raw_tree(bare, ("100644", name, blob), ("100644", b"good", blob))
    sha = _commit(bare, _tree(bare, f"040000 tree {bad}\tbad", f"100644 blob {blob}\tgood"))
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        await opened.revision(SHOP, HOSTILE)
        tree = opened.tree(SHOP, sha)
        for deep in (False, True):
            with pytest.raises(TreeRefused, match="bad: the name"):
                await tree.entries("bad", deep=deep)
        with pytest.raises(TreeRefused, match="bad: the name"):
            await tree.entries("", deep=True)

        assert await tree.blob("bad/good") == b"a: 1"
        assert await tree.blob("bad/" + name.decode("utf-8", "surrogateescape")) is None
        assert [entry.path for entry in await tree.entries("") or ()] == ["bad", "good"]


async def test_an_entry_that_lies_about_its_kind_is_refused_and_the_mirror_is_kept(shop: Shop) -> None:
    """Git refuses to fetch such a commit; if one gets in, it must not make us fetch everything again and again."""
    bare = shop.bare.path
    blob = _blob(bare, b"a: 1")
    inner = _tree(bare, f"100644 blob {blob}\tfile")
    sha = _commit(bare, _raw_tree(bare, ("100644", b"file", inner), ("40000", b"tree", blob)))
    objects = Objects(bare, local(bare))
    doubts: list[str] = []
    objects.on_corrupt = lambda: doubts.append("corrupt")
    tree = CommitTree(objects, sha, repository=str(SHOP))
    try:
        with pytest.raises(TreeRefused, match="file is a tree"):
            await tree.blob("file")
        with pytest.raises(TreeRefused, match="tree is a blob"):
            await tree.entries("tree")
    finally:
        await objects.close()

    assert doubts == []


async def test_a_huge_file_is_named_and_never_read(shop: Shop, tmp_path: Path) -> None:
    """It is listed with its size; files beside it can be read."""
    await shop.publish({"huge.bin": bytes((1 << 20) + 1), "small": "s"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        sizes = {entry.path: entry.size for entry in await tree.entries("") or ()}

        assert sizes["huge.bin"] == (1 << 20) + 1
        with pytest.raises(TooLarge, match=r"huge\.bin has 1048577 bytes, more than the 1048576"):
            await tree.blob("huge.bin")
        assert await tree.blob("small") == b"s"


async def test_a_bomb_of_directories_is_given_up_early(shop: Shop, tmp_path: Path) -> None:
    """Ten levels of ten times the same directory are ten small objects and ten thousand million files."""
    bare = shop.bare.path
    blob = _blob(bare, b"")
    tree_id = _tree(bare, *(f"100644 blob {blob}\tf{i}" for i in range(10)))
    for _ in range(9):
        tree_id = _tree(bare, *(f"040000 tree {tree_id}\td{i}" for i in range(10)))
    sha = _commit(bare, tree_id)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        await opened.revision(SHOP, HOSTILE)
        tree = opened.tree(SHOP, sha)
        started = asyncio.get_running_loop().time()
        with pytest.raises(TooLarge, match="more than 20000 files and directories"):
            await tree.entries("", deep=True)

        assert asyncio.get_running_loop().time() - started < 5
        assert await tree.blob("d0/" * 9 + "f0") == b""


async def test_depth_and_length_of_paths_are_bounded(shop: Shop, tmp_path: Path) -> None:
    """Each limit has an error that names the path."""
    await shop.publish({"deep/1/2/3/4/file": "x", "long/" + "n" * 40 + "/" + "m" * 40: "y"})
    limits = Limits(depth=4, path=60)
    async with repositories(tmp_path / "mirrors", limits=limits) as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        with pytest.raises(TooLarge, match=r"over 4 directories inside each other"):
            await tree.entries("deep", deep=True)
        with pytest.raises(TooLarge, match=r"long/n+/m+.*over 60 characters"):
            await tree.entries("long", deep=True)

        assert await tree.object_id("deep/1/2/3/4") is None


async def test_a_path_that_is_missing_is_told_with_what_there_is(shop: Shop, tmp_path: Path) -> None:
    """A typing error gets the directory that was meant; a file is no directory."""
    await shop.publish({"overlays/prod/k.yaml": "x", "overlays/test/k.yaml": "y"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        with pytest.raises(PathNotFound, match=r"overlays/prodd does not exist.*overlays/prod\b"):
            await tree.directory("overlays/prodd")
        with pytest.raises(PathNotFound, match=r"overlay/prod does not exist.*overlays"):
            await tree.directory("overlay/prod")
        with pytest.raises(PathNotFound, match=r"a\.yaml is a blob"):
            await tree.directory("a.yaml")


async def test_many_readers_at_once_get_their_own_answers(shop: Shop, tmp_path: Path) -> None:
    """Look-ups share hops to the thread, never answers."""
    files: dict[str, str | bytes | None] = {f"d{i % 20}/f{i}": f"content {i}" * (i % 50) for i in range(1000)}
    await shop.publish(files)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        tree = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        wanted = [str(content).encode() for content in files.values()]
        half = await asyncio.gather(*(tree.blob(path) for path in list(files)[:500]))
        await tree.entries("", deep=True)  # from here on files are read along with their neighbours
        rest = [await tree.blob(path) for path in list(files)[500:750]]
        last = await asyncio.gather(*(tree.blob(path) for path in list(files)[750:]))

        assert [*half, *rest, *last] == wanted


async def test_a_directory_of_very_many_names_is_read(shop: Shop, tmp_path: Path) -> None:
    """Up to the limit of a listing; one file of it can be read beyond that, too."""
    bare = shop.bare.path
    blob = _blob(bare, b"x")
    trees = [_tree(bare, *(f"100644 blob {blob}\tfile-{i:06}" for i in range(size))) for size in (20_000, 22_000)]
    sha = _commit(bare, _tree(bare, f"040000 tree {trees[0]}\tmany", f"040000 tree {trees[1]}\tmore"))
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        await opened.revision(SHOP, HOSTILE)
        tree = opened.tree(SHOP, sha)

        assert len(await tree.entries("many", deep=True) or ()) == 20_000
        with pytest.raises(TooLarge, match="more holds more than 20000"):
            await tree.entries("more")
        assert await tree.blob("more/file-021999") == b"x"


async def test_a_pointer_of_git_lfs_is_refused_by_name_and_what_looks_like_one_is_not(
    shop: Shop, tmp_path: Path
) -> None:
    """The content is on another server; whoever renders would take the pointer for it."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    sha = await shop.publish(
        {"big.yaml": pointer, "b.yaml": f"text: |\n  {pointer}", "long.yaml": pointer + "#" * 2000}
    )
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        await opened.revision(SHOP, Ref())
        tree = opened.tree(SHOP, sha)
        await tree.entries("")

        assert (await tree.blob("b.yaml") or b"").startswith(b"text")
        assert len(await tree.blob("long.yaml") or b"") > 2000
        for _ in range(2):  # read from the mirror, then from memory
            with pytest.raises(PointerRefused, match=r"big\.yaml is a pointer of Git LFS.*git lfs untrack"):
                await tree.blob("big.yaml")


async def _newest(opened: Repositories) -> CommitTree:
    """The files of what the server has now."""
    now = asyncio.get_running_loop().time()
    return opened.tree(SHOP, (await opened.revision(SHOP, Ref(), fresh_since=now)).sha)


async def test_the_difference_of_two_commits_is_told_by_path(shop: Shop, tmp_path: Path) -> None:
    """Changed, added and removed files; a directory that came, went or became a file is told by its own path."""
    await shop.publish({"x/b": "b", "x/y/c": "c", "x/y/d": "d", "gone/deep/e": "e", "turned/f": "f", "same/g": "g"})
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        old = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)

        def change() -> None:
            git("rm", "-rq", "gone", "turned", cwd=shop.work.path)
            shop.work.commit({"x/y/c": "changed", "x/new": "n", "came/deep/h": "h", "turned": "a file"}, "Change")
            shop.work.push()

        await asyncio.to_thread(change)
        new = await _newest(opened)

        assert await new.changes(old) == frozenset({"x/y/c", "x/new", "came", "gone", "turned"})
        assert await old.changes(new) == await new.changes(old)
        assert await new.changes(new) == frozenset()


async def test_a_difference_of_very_many_paths_is_not_told(shop: Shop, tmp_path: Path) -> None:
    """Nobody gains by knowing, and it takes memory."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.bare.file_url))
        old = opened.tree(SHOP, (await opened.revision(SHOP, Ref())).sha)
        await shop.publish({"many/first": "x"})
        small = await _newest(opened)
        await shop.publish({f"many/{number}": "y" for number in range(MOST)})
        large = await _newest(opened)
        await shop.publish({f"many/{number}": "z" for number in range(MOST)} | {"many/first": "z"})
        larger = await _newest(opened)

        assert await small.changes(old) == frozenset({"many"})
        assert len(await large.changes(small) or ()) == MOST
        assert await larger.changes(large) is None
