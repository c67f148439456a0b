"""What has to be fetched so that every wanted ref can be answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.store import OURS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from controller.fetch.refs import RefTable
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
    """Our name of a server's ref, behind `refs/shipslog/`."""
    return name.removeprefix("refs/")


def _is_there(name: str, table: RefTable) -> bool:
    return table.head == "HEAD" if name == "HEAD" else f"refs/{name}" in table.refs
