"""What a Git commit object says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from controller.fetch.failure import printable

_PERSON = re.compile(r"^(.*?)\s*(\d{1,12}) [+-]\d{4}$")
_LONGEST = 200
"""Characters of an author or a subject that are kept."""


class Commit(NamedTuple):
    """The parts of a commit that people read."""

    sha: str
    author: str = ""
    message: str = ""
    committed_at: str = ""


def parse(sha: str, data: bytes) -> Commit:
    """Read a commit object; a part that is not as Git writes it comes out empty."""
    head, _, message = data.partition(b"\n\n")
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        headers.setdefault(name, value)  # a line of a signature begins with a space: its name is empty
    encoding = headers.get(b"encoding", b"utf-8").decode("ascii", "replace")
    author = _PERSON.match(_text(headers.get(b"author", b""), encoding))
    committer = _PERSON.match(_text(headers.get(b"committer", b""), encoding))
    subject = _text(message.lstrip(b"\n").partition(b"\n")[0], encoding)
    return Commit(
        sha,
        printable(author[1], _LONGEST) if author else "",
        printable(subject, _LONGEST),
        _moment(int(committer[2])) if committer else "",
    )


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""
