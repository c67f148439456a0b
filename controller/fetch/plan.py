"""What has to be fetched so that every wanted ref can be answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.refs import RefTable
from controller.fetch.store import OURS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from controller.model.ref import Ref

EVERYTHING = (f"+refs/heads/*:{OURS}all/heads/*", f"+refs/tags/*:{OURS}all/tags/*")
"""All branches and tags, to search a commit in them."""


class FetchPlan(NamedTuple):
    """What to tell git."""

    refspecs: tuple[str, ...]
    gone: tuple[str, ...]
    """Our refs that the server has no more: they may stand in the way of new ones."""
    commits: tuple[str, ...]
    """Commits that are wanted by their id and not kept yet."""


def plan(wanted: Collection[Ref], table: RefTable, have: Mapping[str, str]) -> FetchPlan:
    """Compare what is wanted and what the server has with what we have."""
    names = {name for ref in wanted if ref.commit is None and (name := table.name_of(ref))}
    pinned = {f"commits/{ref.commit}" for ref in wanted if ref.commit is not None}
    ours = [name for name in have if not name.startswith(("all/", "commits/"))]
    return FetchPlan(
        tuple(
            f"+{name}:{OURS}{local_name(name)}"
            for name in sorted(names)
            if have.get(local_name(name)) != table.id_of(name)
        ),
        tuple(sorted(name for name in ours if not _is_there(name, table))),
        tuple(sorted(name.removeprefix("commits/") for name in pinned if name not in have)),
    )


def local_name(name: str) -> str:
    """Our name of a server's ref, behind `refs/shipslog/`; no other ref can have that of a commit kept by its id."""
    if name == "HEAD" or name.startswith(("refs/heads/", "refs/tags/")):
        return name.removeprefix("refs/")
    return name.replace("refs/", "others/", 1)


def fetched(have: Mapping[str, str], head: str) -> RefTable:
    """The server's refs as far as we fetched them; `head` is the full name of its default branch."""
    named = {server_name(name): id_ for name, id_ in have.items() if not name.startswith(("all/", "commits/"))}
    ordinary = {name: id_ for name, id_ in named.items() if name.startswith(("refs/heads/", "refs/tags/"))}
    others = {name: id_ for name, id_ in named.items() if name not in ordinary and name != "HEAD"}
    return RefTable(ordinary, {}, head if head in named else "", named.get(head, ""), others)


def server_name(local: str) -> str:
    """The server's name of a ref of ours."""
    return local if local == "HEAD" else "refs/" + local.removeprefix("others/")


def _is_there(name: str, table: RefTable) -> bool:
    if name == "HEAD":
        return table.head == "HEAD"
    return bool(table.id_of(server_name(name)))
