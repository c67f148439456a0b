"""Rendered answers by content: what was read decides, not the commit."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.render.request import Dependency, Rendered
    from controller.render.tree import Tree

VARIANTS = 4
"""Contents that are kept per request: a branch that goes back and forth between revisions."""
OVERHEAD_BYTES = 500
"""What an entry takes beside its answer and its dependencies' paths and ids, about."""


@dataclass(eq=False, kw_only=True, slots=True)
class Entry:
    """One answer, and what must be the same for it to hold again."""

    answer: bytes
    digest: str
    root: str
    root_id: str
    dependencies: tuple[tuple[Dependency, str], ...]
    keep: bool
    """Rendering again would give another result: evict it last."""
    rendered: Callable[[], Rendered | None] = lambda: None
    """A weak reference to the answer's objects, as long as someone else holds them."""

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        paths = sum(len(d.path) + len(i) + 100 for d, i in self.dependencies)
        return len(self.answer) + paths + OVERHEAD_BYTES

    async def holds(self, tree: Tree) -> bool:
        """Say whether every dependency is the same in a tree."""
        same_root = await identify_path(tree, self.root) == self.root_id
        for dependency, known in self.dependencies:
            if same_root and is_below(dependency.path, self.root):
                continue
            if await identify(tree, dependency) != known:
                return False
        return True


class Cache:
    """A bounded store of entries by request; the least recently used go first."""

    def __init__(self, max_bytes: int) -> None:
        """Bound the cache to `max_bytes`."""
        self._max_bytes = max_bytes
        self._variants: OrderedDict[bytes, list[Entry]] = OrderedDict()
        self.bytes = 0

    async def find(self, keys: Iterable[bytes], tree: Tree) -> Entry | None:
        """Return the entry under one of a request's keys that holds in a tree, if there is one."""
        for key in keys:
            entry = await self._find(key, tree)
            if entry is not None:
                return entry
        return None

    async def _find(self, key: bytes, tree: Tree) -> Entry | None:
        for entry in list(self._variants.get(key, ())):
            if await entry.holds(tree):
                variants = self._variants.get(key, [])
                if entry in variants and variants[0] is not entry:
                    variants.remove(entry)
                    variants.insert(0, entry)
                if key in self._variants:
                    self._variants.move_to_end(key)
                return entry
        return None

    def put(self, key: bytes, entry: Entry) -> None:
        """Keep an entry."""
        variants = self._variants.setdefault(key, [])
        self._variants.move_to_end(key)
        if entry in variants:
            return
        variants.insert(0, entry)
        self.bytes += entry.size
        for old in variants[VARIANTS:]:
            self.bytes -= old.size
        del variants[VARIANTS:]
        self._evict()

    def _evict(self) -> None:
        for keep in (False, True):
            for key in list(self._variants):
                if self.bytes <= self._max_bytes:
                    return
                left = [entry for entry in self._variants[key] if entry.keep and not keep]
                self.bytes -= sum(entry.size for entry in self._variants[key] if entry not in left)
                if left:
                    self._variants[key] = left
                else:
                    del self._variants[key]


def is_below(path: str, root: str) -> bool:
    """Say whether a path is a directory or below it."""
    return not root or path == root or path.startswith(f"{root}/")


async def identify_path(tree: Tree, path: str) -> str:
    """Return kind and object id of a path; "" for nothing."""
    return await tree.object_id(path) or ""


async def identify(tree: Tree, dependency: Dependency) -> str:
    """Return what must be equal for a dependency to be unchanged."""
    if dependency.used == "listing":
        return _digest_of(
            f"{entry.kind}\0{entry.path}\0{'' if entry.kind == 'tree' else entry.object_id}"
            for entry in await tree.entries(dependency.path) or ()
        )
    found = await identify_path(tree, dependency.path)
    return found.partition(":")[0] if dependency.used == "dir" else found


def _digest_of(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
