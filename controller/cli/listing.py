"""A refusal of many objects, one object a line."""

from __future__ import annotations

import re

_HEAD = re.compile(
    r"(?P<head>\d+ of \d+ objects refused(?:, nothing was written)?|\d+ manifests are wrong): (?P<entries>.+)",
    re.DOTALL,
)
_NEXT = re.compile(r"; (?=[^;:\s][^;:]*(?:: [A-Z][A-Za-z0-9]*(?:\.[a-z0-9.-]+)? [^\s:;]+: |:\d+: ))")
"""Between two entries, which are FILE: KIND.GROUP NAMESPACE/NAME: MESSAGE or FILE:LINE: MESSAGE.

A message may have a semicolon, too.
"""
_REMEDY = re.compile(r" \(correct them in Git\)\Z")


def listed(message: str) -> tuple[str, list[str]]:
    """The head of a message and its entries, one for each of several refused objects; none where it is no such one."""
    match = _HEAD.fullmatch(message)
    entries = _NEXT.split(match["entries"]) if match else []
    if match is None or len(entries) == 1:
        return message, []
    remedy = _REMEDY.search(entries[-1])
    if remedy is None:
        return match["head"], entries
    entries[-1] = entries[-1][: remedy.start()]
    return match["head"] + remedy.group(), entries


def headline(message: str) -> str:
    """How many objects were refused, without what for; any other message as it is."""
    match = _HEAD.fullmatch(message)
    return match["head"] if match else message


def lines(message: str) -> list[str]:
    """The message as it is written for people."""
    head, entries = listed(message)
    return [f"{head}:", *(f"  {entry}" for entry in entries)] if entries else [head]
