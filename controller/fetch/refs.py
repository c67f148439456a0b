"""What a server's refs say, and which of them an Application's ref means."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from controller.fetch.versions import newest_first, parse_range

if TYPE_CHECKING:
    from semver import Version

    from controller.model.ref import Ref

_LINE = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})\t(HEAD|refs/\S+)$")
_HEAD = re.compile(r"^ref: (refs/heads/\S+)\tHEAD$")
# git-check-ref-format(1): whatever matches has no meaning of its own in a refspec.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[./-]|[./]$")
_TAGS = "refs/tags/"
_ORDINARY = ("refs/heads/", _TAGS)
MOST = 1_000_000
"""Refs that are read of one server."""


@dataclass(frozen=True)
class RefTable:
    """The answer of ls-remote."""

    refs: dict[str, str]
    """Object ids by full name, branches and tags only; annotated tags by the id of the tag."""
    peeled: dict[str, str]
    """What annotated tags point to."""
    head: str
    """Full name of the default branch; `HEAD` where it is detached; empty in an empty repository."""
    head_id: str
    others: dict[str, str] = field(default_factory=dict)
    """All that is neither branch nor tag, as pull requests are on some servers."""

    @cached_property
    def versions(self) -> list[tuple[Version, str]]:
        """The tags that are versions, the highest first. Takes a while with many tags: first asked for on a thread."""
        return newest_first(name.removeprefix(_TAGS) for name in self.refs if name.startswith(_TAGS))

    @property
    def hash_size(self) -> int:
        """Characters of an object id: 40, or 64 with SHA-256; 0 when there is none to tell by."""
        return len(self.head_id or next(iter(self.refs.values() or self.others.values()), ""))

    def name_of(self, ref: Ref) -> str:
        """Full name of what a ref means; empty when the server has it not. A commit has no name here.

        Raises:
            ValueError: its range of versions is none.
        """
        if ref.branch is not None:
            name = f"refs/heads/{ref.branch}"
        elif ref.tag is not None:
            name = f"{_TAGS}{ref.tag}"
        elif ref.semver is not None:
            wanted = parse_range(ref.semver)
            return next((_TAGS + tag for version, tag in self.versions if wanted.holds(version)), "")
        elif ref.name is not None:
            name = ref.name
        else:
            return self.head
        return name if name in self.refs or name in self.others else ""

    def id_of(self, name: str) -> str:
        """Object id of a full name or of `HEAD`; empty when there is none."""
        return self.head_id if name == "HEAD" else self.refs.get(name) or self.others.get(name, "")

    def alike(self, ref: Ref) -> list[str]:
        """Up to five names that the writer of the ref may have meant."""
        if ref.semver is not None:
            return [tag for _, tag in self.versions[:5]]
        if ref.name is not None:
            return difflib.get_close_matches(ref.name, [*self.refs, *self.others][:10_000], n=5, cutoff=0.6)
        prefix = "refs/heads/" if ref.branch is not None else "refs/tags/"
        wanted = ref.branch or ref.tag or ""
        names = [name.removeprefix(prefix) for name in self.refs if name.startswith(prefix)]
        return difflib.get_close_matches(wanted, names[:10_000], n=5, cutoff=0.4) or sorted(names)[:5]


def parse(text: str) -> RefTable:
    """Read what `git ls-remote --symref` prints; lines with names that Git would not accept are left out."""
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
    others: dict[str, str] = {}
    head = head_id = ""
    for line in text.splitlines()[:MOST]:
        if symref := _HEAD.match(line):
            head = symref[1]
            continue
        found = _LINE.match(line)
        if found is None:
            continue
        id_, name = found[1], found[2]
        if name == "HEAD":
            head_id = id_
        elif name.endswith("^{}"):
            peeled[name.removesuffix("^{}")] = id_
        elif acceptable(name):
            (refs if name.startswith(_ORDINARY) else others)[name] = id_
    if head_id and head not in refs:
        head = "HEAD"
    return RefTable(refs, peeled, head if head_id else "", head_id, others)


def acceptable(name: str) -> bool:
    """Whether Git takes this as the name of a ref (git-check-ref-format(1))."""
    return not _FORBIDDEN.search(name)
