"""What the loop asks Git: which commit a ref means, and that commit's files. One mirror per URL, shared by all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.fetch.cache import Cache
from controller.fetch.errors import GitFailure, NotPolled
from controller.fetch.failure import error_of
from controller.fetch.mirror import Mirror, directory_name
from controller.fetch.naming import check_name, missing
from controller.fetch.news import Listeners, News
from controller.fetch.poller import Poller
from controller.fetch.reader import Limits
from controller.fetch.rewrite import rewritten
from controller.fetch.shelf import Shelf
from controller.fetch.store import Access, Store, stored
from controller.fetch.tree import CommitTree
from controller.fetch.verification import verified
from controller.model.duration import seconds
from controller.model.ref import Ref
from controller.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controller.errors import ShipslogError
    from controller.fetch.round import Round
    from controller.model.objects import Key
    from controller.model.repository import Credentials, Repository
    from controller.model.revision import Revision

_PER_HOST = 8
"""Conversations with one host at a time: a host that stalls holds back its own repositories only."""
_ANSWERED = 1_000
"""Revisions of one Repository of which is remembered that they were answered."""
LARGEST_MIRROR = 2 << 30
ROOM = 8 << 30


class Repositories:
    """All Repositories that this process reads, and their mirrors below one directory."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        directory: Path,
        listeners: Listeners | None = None,
        *,
        file_urls: bool = False,
        limits: Limits | None = None,
        largest_mirror: int = LARGEST_MIRROR,
        room: int = ROOM,
    ) -> None:
        """`group` owns the polling tasks; `close` must be called before it can end. Sizes are in bytes.

        `largest_mirror` bounds each, `room` all mirrors on disk; beyond it those that were not used for longest go.
        """
        self._group = group
        self._directory = directory
        self._news = News(listeners or Listeners())
        self._file_urls = file_urls
        self._limits = limits or Limits()
        self._largest = largest_mirror
        self._shelf = Shelf(room)
        self._pollers: dict[str, Poller] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places: dict[Key, str] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._keys: dict[Key, tuple[tuple[str, str], ...]] = {}
        self._answered: dict[Key, Cache[Revision]] = {}
        """What was answered: whatever becomes of it from then on, its poller tells."""

    def ensure(
        self,
        repository: Repository,
        credentials: Credentials | None = None,
        *,
        keys: Sequence[tuple[str, str]] = (),
        problem: str = "",
    ) -> None:
        """Read this Repository from now on, as its spec and these credentials say; call it again when they change.

        `keys`: whose signatures count, by name, where it asks for signatures. `problem`: why its Secrets can't be used,
        and a remedy on a second line; its server is not asked then.
        """
        key, url = repository.key, repository.spec.url
        if url.startswith("ssh://") and credentials is None:
            problem = problem or "spec.secretRef is missing\nname a Secret with identity and known_hosts"
        name = directory_name(url, _scope(repository))
        refs = self._move_out(key, name)
        poller = self._pollers.get(name) or self._start(name, Access(url))
        starting = not poller.users  # it comes round to its first look by itself
        before, before_access = poller.users.get(key), poller.mirror.access
        self._places[key] = name
        poller.join(repository, refs)
        longest = max(seconds(user.spec.timeout) for user in poller.users.values())
        poller.mirror.access = Access(url, credentials, longest, self._file_urls, problem)
        if before is not None and self._keys.get(key) != tuple(keys):
            self._news.listeners.on_change(key)  # another verdict, maybe
        self._keys[key] = tuple(keys)
        changed = before is None or before.spec != repository.spec or before_access != poller.mirror.access
        if before is not None and before.generation != repository.generation:
            self._news.forget(key)  # what was found out is told of this spec, too, also where it is the same
        if changed and not starting:
            poller.ask()

    def forget(self, key: Key) -> None:
        """Read this Repository no more; its mirror goes when nobody else reads it."""
        name = self._places.pop(key, None)
        self._news.forget(key)
        self._keys.pop(key, None)
        self._answered.pop(key, None)
        if name is not None:
            self._pollers[name].leave(key)
            self._end_if_unused(name, keep=False)

    def tell_again(self, key: Key) -> None:
        """Look at the server now, and tell how it stands, also where that is what was told last."""
        self._news.forget(key)
        self.poll(key)

    def poll(self, key: Key) -> None:
        """Look at the server now; what it brings is told to the listeners."""
        if (name := self._places.get(key)) is not None:
            self._pollers[name].ask()

    async def revision(
        self, key: Key, ref: Ref, *, fresh_since: float | None = None, before: Revision | None = None
    ) -> Revision:
        """The commit that the ref means.

        Args:
            key: Of a Repository that `ensure` was called for.
            ref: Branch, tag, commit, or nothing for the default branch.
            fresh_since: By the event loop's clock, seconds: an answer older than this asks the server now. None: the
                last answer is good, however old, also when the server can't be reached any more.
            before: What it meant to who asks when they asked last, maybe in an earlier process: where history was
                rewritten since, and no mirror remembers it, the listeners hear of it before the answer is given.

        Raises:
            RefNotFound, CommitNotFound: there is none (yet).
            NameRefused: no ref can be called so.
            NotPolled: the Repository is unknown here, or suspended before it was read.
            SignatureRefused: it is not signed as the Repository asks for.
            AuthenticationFailed, RepositoryNotFound, UrlRefused, TooLarge: see controller.fetch.errors.
            Unreachable, MirrorCorrupt, DiskFull, GitFailed: the same.
            DeadlineExceeded: too many conversations with the host wait.
        """
        while True:
            poller = self._poller(key)
            repository = poller.users[key]
            check_name(repository, ref)
            try:
                answer = await poller.answer(key, ref, None if repository.spec.suspend else fresh_since)
            except GitFailure as failure:
                if failure.cause == "stopped" and self._pollers.get(self._places.get(key, "")) not in {None, poller}:
                    continue  # its URL or Secret changed meanwhile: another mirror knows
                raise _unanswered(failure, repository) from None
            if answer.revision is None:
                raise missing(answer, ref, repository)
            try:
                await poller.present()
            except GitFailure as failure:
                raise _unanswered(failure, repository) from None
            await self._follow(poller, repository, before, answer.revision)
            return await verified(answer, poller.mirror, repository, self._keys.get(key, ()))

    async def _follow(self, poller: Poller, repository: Repository, before: Revision | None, now: Revision) -> None:
        """Tell of history that was rewritten since a commit that this process never answered."""
        answered = self._answered.setdefault(repository.key, Cache(_ANSWERED))
        if before is not None and before.ref == now.ref and answered.get(f"{before.ref} {before.sha}") is None:
            try:
                rewrite = await rewritten(poller.mirror, now.ref, before.sha, now.sha)
            except GitFailure as failure:
                raise _unanswered(failure, repository) from None
            if rewrite is not None:
                await self._news.listeners.on_rewrite(repository.key, rewrite)
            answered.put(f"{before.ref} {before.sha}", before)
        answered.put(f"{now.ref} {now.sha}", now)

    def tree(self, key: Key, sha: str) -> CommitTree:
        """The files of a commit that `revision` gave.

        Raises:
            NotPolled: the Repository is unknown here.
        """
        return CommitTree(self._poller(key).mirror.objects, sha, repository=str(key), limits=self._limits)

    async def sweep(self) -> None:
        """Delete the mirrors of an earlier run that nobody reads now; for when all Repositories are known."""
        for name in await asyncio.to_thread(stored, self._directory):
            if name not in self._pollers and (name not in self._tasks or self._tasks[name].done()):
                await asyncio.to_thread(Store(self._directory / name, 0).discard)

    async def close(self) -> None:
        """End all polling, processes and threads; the mirrors stay for the next start."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._pollers.clear()
        self._tasks.clear()
        self._places.clear()

    def _poller(self, key: Key) -> Poller:
        name = self._places.get(key)
        if name is None:
            raise NotPolled(
                f"Repository {key} is unknown", after=5.0, remedy="create it, or correct spec.source.repository"
            )
        return self._pollers[name]

    def _start(self, name: str, access: Access) -> Poller:
        # The part between the slashes, whatever it is: what is no URL is found out when the server is to be asked.
        host = access.url.partition("://")[2].partition("/")[0]
        gate = self._gates.setdefault(host, asyncio.Semaphore(_PER_HOST))
        mirror = Mirror(self._directory / name, access, largest=self._largest)
        poller = self._pollers[name] = Poller(mirror, gate, self._tell, self._news.rewritten)
        ended = self._tasks.get(name)
        self._tasks[name] = spawn(self._group, f"poll {access.url}", poller.run(ended))
        return poller

    def _move_out(self, key: Key, name: str) -> set[Ref]:
        """Leave the mirror that was read so far, where that is another one; what was wanted of it."""
        old = self._places.get(key)
        if old is None or old == name:
            return set()
        refs = self._pollers[old].leave(key)
        self._news.forget(key)
        self._end_if_unused(old, keep=True)  # a Secret that can't be read now may be back in a minute
        return refs

    def _end_if_unused(self, name: str, *, keep: bool) -> None:
        if self._pollers[name].users:
            return
        poller = self._pollers.pop(name)
        self._shelf.put(name, 0)
        if not keep:
            poller.retire()
        self._tasks[name].cancel()

    def _tell(self, poller: Poller, round_: Round) -> None:
        self._make_room(poller, round_)
        self._news.tell(poller, round_)

    def _make_room(self, poller: Poller, round_: Round) -> None:
        """Others go from the disk when all mirrors together take more room than they may, or when it is full."""
        names = {id(other): name for name, other in self._pollers.items()}
        mine = names.get(id(poller))
        if mine is None:
            return
        for name, other in self._pollers.items():
            self._shelf.put(name, other.mirror.size)
        full = round_.failure is not None and round_.failure.cause == "disk"
        # A suspended one could not be fetched again.
        used = {name: other.mirror.objects.used for name, other in self._pollers.items() if not other.suspended}
        for name in self._shelf.victims(used, mine, at_least=int(full)):
            self._pollers[name].evict()


def _scope(repository: Repository) -> str:
    """Whose login reads the mirror: nobody else may read it, whoever names the same URL.

    Within a namespace two Secrets may still see different things. A Secret that is missing now is no public access.
    """
    spec = repository.spec
    if spec.secret_ref is None and spec.proxy_secret_ref is None:
        return ""
    names = (reference.name if reference else "" for reference in (spec.secret_ref, spec.proxy_secret_ref))
    return "/".join((repository.key.namespace, *names))


def _unanswered(failure: GitFailure, repository: Repository) -> ShipslogError:
    if repository.spec.suspend:
        return NotPolled(
            f"Repository {repository.key} is suspended and was not read before",
            after=seconds(repository.spec.interval),
            remedy="set its spec.suspend to false",
        )
    if failure.cause == "stopped":
        return NotPolled(f"Repository {repository.key}: {failure.detail}", after=1.0)
    return error_of(failure, repository)
