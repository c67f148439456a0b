"""Whom a commit concerns: by the paths that a rendering depended on."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from controller.errors import Terminal
from controller.model.revision import Revision
from controller.reconcile.concerned import Changes, concerned
from controller.reconcile.rooms import memory_of
from controller.render.request import Dependency
from tests.unit.reconcile.harbour import SHOP, Harbour, Shelf, config

Used = Literal["blob", "listing", "subtree", "dir", "none"]


@pytest.mark.parametrize(
    ("used", "path", "changed", "touched"),
    [
        ("blob", "apps/a/x.yaml", "apps/a/x.yaml", True),
        ("blob", "apps/a/x.yaml", "apps/a/y.yaml", False),
        ("blob", "apps/a/x.yaml", "apps/a", True),
        ("blob", "apps/a/x.yaml", "apps", True),
        ("blob", "apps/ab/x.yaml", "apps/a", False),
        ("subtree", "charts/web", "charts/web/templates/a.yaml", True),
        ("subtree", "charts/web", "charts/webber/a.yaml", False),
        ("subtree", "", "anything/at/all", True),
        ("listing", "apps/a", "apps/a/new.yaml", True),
        ("listing", "apps/a", "apps/a/below/new.yaml", False),
        ("listing", "apps/a", "apps/a", True),
        ("listing", "", "README.md", True),
        ("listing", "", "apps/a/x.yaml", False),
        ("dir", "apps/a", "apps/a/x.yaml", False),
        ("dir", "apps/a", "apps/a", True),
        ("dir", "apps/a", "apps", True),
        ("dir", "", "apps/a/x.yaml", False),
        ("none", "apps/a/values.yaml", "apps/a/values.yaml", True),
        ("none", "base/values.yaml", "base", True),
        ("none", "base/values.yaml", "base/other.yaml", False),
    ],
)
def test_a_change_touches_what_was_read_and_nothing_else(used: Used, path: str, changed: str, touched: bool) -> None:
    """A directory that came or went touches all that stood, or was looked for, in it."""
    assert Changes([changed]).touch(Dependency(path, used)) is touched


class History(Shelf):
    """A repository of two commits whose difference is given; the objects are the same in both."""

    def __init__(self, changes: frozenset[str] | None) -> None:
        super().__init__()
        self.head = "1"
        self.between = changes
        self.refusal: Terminal | None = None

    async def revision(self, *_: Any, **__: Any) -> Revision:
        """The head."""
        if self.refusal:
            raise self.refusal
        return Revision(sha=self.head * 40, ref="refs/heads/main")

    async def changes(self, _since: object) -> frozenset[str] | None:
        """The difference."""
        return self.between


async def stood(changes: frozenset[str] | None) -> tuple[Harbour, History]:
    """An Application that stands at the first commit, and a second commit."""
    harbour = Harbour(config())
    history = History(changes)
    history.objects = [config()]
    object.__setattr__(harbour.rooms, "repositories", history)
    await harbour.look()
    memory_of(harbour.rooms, harbour.registry.applications[SHOP]).depends = (Dependency("apps/a", "subtree"),)
    history.head = "2"
    return harbour, history


async def whom(harbour: Harbour) -> list[Any]:
    """Whom the second commit concerns."""
    ((key, _),) = harbour.registry.repositories.items()
    return list(await concerned(key, harbour.rooms))


async def test_whom_a_commit_does_not_touch_stands_at_it_without_a_look() -> None:
    """What is recorded of it later is recorded at the newest commit."""
    harbour, _ = await stood(frozenset({"apps/b/x.yaml"}))

    assert await whom(harbour) == []

    memory = memory_of(harbour.rooms, harbour.registry.applications[SHOP])
    assert memory.seen is not None
    assert memory.wish is not None
    assert (memory.seen.sha, memory.wish.revision.sha) == ("2" * 40, "2" * 40)
    claimed = harbour.rooms.claims.of(SHOP)
    assert claimed is not None
    assert claimed.made_of == ("one", 1, "2" * 40), "others would work its wish out again"


async def test_whom_a_commit_touches_is_looked_at() -> None:
    """And so is everyone where the difference is too large to be known."""
    assert await whom((await stood(frozenset({"apps/b/x.yaml", "apps/a/x.yaml"})))[0]) == [SHOP]
    assert await whom((await stood(None))[0]) == [SHOP]


async def test_who_failed_or_was_never_rendered_is_looked_at_whatever_changed() -> None:
    """What it waits for may be in any commit."""
    harbour, _ = await stood(frozenset({"apps/b/x.yaml"}))
    memory = memory_of(harbour.rooms, harbour.registry.applications[SHOP])
    memory.failures = 1
    assert await whom(harbour) == [SHOP]

    memory.failures, memory.depends = 0, None
    assert await whom(harbour) == [SHOP]

    harbour.rooms.memories.clear()
    assert await whom(harbour) == [SHOP]


async def test_a_commit_that_is_refused_is_told_by_everyone_who_reads_it() -> None:
    """One that is not signed, say: nobody stands at it unseen."""
    harbour, history = await stood(frozenset({"apps/b/x.yaml"}))
    history.refusal = Terminal("not signed")

    assert await whom(harbour) == [SHOP]
