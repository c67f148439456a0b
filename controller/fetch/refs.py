"""What a server's refs say, and which of them an Application's ref means."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from controller.model.ref import Ref

_LINE = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})\t(HEAD|refs/(?:heads|tags)/\S+)$")
_HEAD = re.compile(r"^ref: (refs/heads/\S+)\tHEAD$")
# git-check-ref-format(1): whatever matches has no meaning of its own in a refspec.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[./-]|[./]$")
MOST = 1_000_000
"""Refs that are read of one server."""


class RefTable(NamedTuple):
    """The answer of ls-remote."""

    refs: dict[str, str]
    """Object ids by full name, branches and tags only; annotated tags by the id of the tag."""
    peeled: dict[str, str]
    """What annotated tags point to."""
    head: str
    """Full name of the default branch; `HEAD` where it is detached; empty in an empty repository."""
    head_id: str

    @property
    def hash_size(self) -> int:
        """Characters of an object id: 40, or 64 with SHA-256; 0 when there is none to tell by."""
        return max((len(id_) for id_ in self.refs.values()), default=len(self.head_id))

    def name_of(self, ref: Ref) -> str:
        """Full name of what a ref means; empty when the server has it not. A commit has no name here."""
        if ref.branch is not None:
            name = f"refs/heads/{ref.branch}"
        elif ref.tag is not None:
            name = f"refs/tags/{ref.tag}"
        else:
            return self.head
        return name if name in self.refs else ""

    def id_of(self, name: str) -> str:
        """Object id of a full name or of `HEAD`; empty when there is none."""
        return self.head_id if name == "HEAD" else self.refs.get(name, "")

    def alike(self, ref: Ref) -> list[str]:
        """Up to five names that the writer of the ref may have meant."""
        prefix = "refs/heads/" if ref.branch is not None else "refs/tags/"
        wanted = ref.branch or ref.tag or ""
        names = [name.removeprefix(prefix) for name in self.refs if name.startswith(prefix)]
        return difflib.get_close_matches(wanted, names[:10_000], n=5, cutoff=0.4) or sorted(names)[:5]


def parse(text: str) -> RefTable:
    """Read what `git ls-remote --symref` prints; lines with other refs, or names Git would not accept, are left out."""
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
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
            refs[name] = id_
    if head_id and head not in refs:
        head = "HEAD"
    return RefTable(refs, peeled, head if head_id else "", head_id)


def acceptable(name: str) -> bool:
    """Whether Git takes this as the name of a ref (git-check-ref-format(1))."""
    return not _FORBIDDEN.search(name)
