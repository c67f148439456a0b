"""One look at a server: list its refs, fetch what moved, and say which commit each wanted ref means now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

from controller.fetch.errors import GitFailure
from controller.fetch.fetcher import ALONE, Fetcher
from controller.fetch.plan import fetched, local_name, plan, server_name
from controller.fetch.rewrite import rewritten
from controller.model.ref import DEFAULT
from controller.model.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Collection

    from controller.fetch.commit import Commit
    from controller.fetch.mirror import Mirror
    from controller.fetch.refs import RefTable
    from controller.fetch.rewrite import Rewrite
    from controller.model.ref import Ref


class Answer(NamedTuple):
    """What a ref means: a revision, or why there is none."""

    revision: Revision | None
    reason: Literal["", "empty", "no ref", "no commit", "not a commit"] = ""
    alike: tuple[str, ...] = ()
    tag: str = ""
    """Object id of the annotated tag that names it; empty where none does."""


class Survey(NamedTuple):
    """What a look at the server brought."""

    table: RefTable
    listed: bool
    """Whether the server was asked for the table."""
    answers: dict[Ref, Answer]
    failures: dict[Ref, GitFailure]
    """Those that took too much alone: what others want is not touched by it."""
    rewrites: tuple[Rewrite, ...]
    fetched: bool


class Surveyor:
    """Looks at the server of one mirror; used by one task."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._fetcher = Fetcher(mirror)
        self._had: dict[str, str] = {}
        """What the mirror had before looks that were not finished, though it was thrown away meanwhile."""

    async def look(self, wanted: Collection[Ref], table: RefTable | None = None) -> Survey:
        """Answer every wanted ref; `table`: what the server's refs are known to be, None to ask it.

        A mirror that turns out to be corrupt is thrown away once, and fetched anew.

        Raises:
            GitFailure: by cause.
        """
        try:
            return await self._look(wanted, table)
        except GitFailure as failure:
            if failure.cause == "absent":
                await self._mirror.restore()
                return await self._look(wanted, table)
            if failure.cause == "object":
                # A ref moved away between our two questions.
                return await self._look(wanted, None)
            if failure.cause != "corrupt":
                raise
            await self._mirror.discard()
        return await self._look(wanted, table)

    async def remembered(self, wanted: Collection[Ref]) -> dict[Ref, Answer]:
        """What the mirror still knows of an earlier run, for when the server can't be asked.

        Raises:
            GitFailure: the mirror can't be read.
        """
        await self._mirror.open()
        known = fetched(self._mirror.have, self._mirror.head)
        answers = {}
        for ref in wanted:
            name = ref.commit or known.name_of(ref)
            local = self._mirror.have.get(f"commits/{name}" if ref.commit else local_name(name))
            commit = await self._mirror.commit(local) if local else None
            if commit is not None:
                answers[ref] = Answer(_revision(commit, name), tag=_tag(name, local, commit))
        return answers

    def remember(self) -> None:
        """What the mirror has is what was had, also where it is about to be emptied: history is compared with that."""
        self._had = {**self._mirror.have, **self._had}

    async def _look(self, wanted: Collection[Ref], table: RefTable | None) -> Survey:
        mirror = self._mirror
        self.remember()
        await mirror.open()
        self.remember()
        listed = table is None
        if table is None:
            table = await mirror.list_refs()
            await mirror.open(table.hash_size)
        if any(ref.semver for ref in wanted):
            await asyncio.to_thread(lambda: table.versions)  # from now on it is there
        planned = plan(wanted, table, mirror.have)
        if mirror.evicted and any(planned):
            await mirror.restore(table.hash_size)
            planned = plan(wanted, table, mirror.have)
        keep = _ours(wanted, table)
        refused = await self._fetcher.refs(planned, table, keep)
        brought = len(planned.refspecs) > len(refused)
        for sha in planned.commits:
            try:
                brought |= await self._fetcher.commit(sha, table, keep)
            except GitFailure as failure:
                if failure.cause not in ALONE:
                    raise
                refused[sha] = failure
        await mirror.set_head(table.head)
        failures = {ref: refused[name] for ref in wanted if (name := ref.commit or table.name_of(ref)) in refused}
        answers = {ref: await self._answer(ref, table) for ref in wanted if ref not in failures}
        rewrites = await self._rewrites()
        self._had = {}
        return Survey(table, listed, answers, failures, rewrites, brought)

    async def _answer(self, ref: Ref, table: RefTable) -> Answer:
        if ref.commit is not None:
            local = self._mirror.have.get(f"commits/{ref.commit}")
            commit = await self._mirror.commit(local) if local else None
            return Answer(_revision(commit, ref.commit)) if commit else Answer(None, "no commit")
        name = table.name_of(ref)
        if not name:
            return Answer(None, "no ref" if ref != DEFAULT else "empty", tuple(table.alike(ref)))
        local = self._mirror.have.get(local_name(name))
        commit = await self._mirror.commit(local) if local else None
        if commit is not None:
            return Answer(_revision(commit, name), tag=_tag(name, local, commit))
        (there,) = await self._mirror.objects.headers([local]) if local else [None]
        if there is None:
            raise GitFailure("corrupt", f"{name} was fetched and is not there")
        return Answer(None, "not a commit")

    async def _rewrites(self) -> tuple[Rewrite, ...]:
        """Which of the refs do not follow from what they were."""
        found = []
        for name, old in self._had.items():
            new = self._mirror.have.get(name)
            if new is None or new == old or name.startswith(("all/", "commits/")):
                continue
            if rewrite := await rewritten(self._mirror, server_name(name), old, new):
                found.append(rewrite)
        return tuple(found)


def _ours(wanted: Collection[Ref], table: RefTable) -> set[str]:
    """Our names of what is wanted."""
    named = ((ref, ref.commit or table.name_of(ref)) for ref in wanted)
    return {f"commits/{name}" if ref.commit else local_name(name) for ref, name in named if name}


def _tag(name: str, id_: str | None, commit: Commit) -> str:
    return id_ if id_ and name.startswith("refs/tags/") and id_ != commit.sha else ""


def _revision(commit: Commit, ref: str) -> Revision:
    return Revision(
        sha=commit.sha, ref=ref, author=commit.author, message=commit.message, committed_at=commit.committed_at
    )
