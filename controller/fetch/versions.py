"""Ranges of semantic versions, and which tag of a repository they mean. Pure.

A range means what it means in Flux and Helm (Masterminds/semver 3). Comparators beside each other, with a space or
comma between them, must all hold; `||` separates alternatives; `~1.2`, `^1.2`, `1.2.x`, `1.2 - 1.4` and a part that is
left out stand for an interval (here `~0.0.0` is one, too). Pre-releases are in a range only when one of its comparators
names one: `>=1.0.0-0`. Versions of tags follow semver.org 2.0, with or without a `v` in front.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from semver import Version

_LONGEST = 256
_PART = r"[0-9]{1,9}|[xX*]"
_VERSION = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
_COMPARATOR = re.compile(rf"\s*(=|!=|>=|=>|<=|=<|>|<|~>|~|\^|)\s*{_VERSION}(?=[\s,]|$)\s*,?")
_BETWEEN = re.compile(rf"({_VERSION})\s+-\s+({_VERSION})")
_TAG = re.compile(r"^v?[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]*)?$")

_Release: TypeAlias = tuple[int, int, int]


class _Given(NamedTuple):
    """A version as it stands in a range: how many of its three parts were given, missing ones being 0."""

    version: Version
    parts: int

    @property
    def next(self) -> _Release:
        """The first release behind all that share the given parts."""
        return _behind(self.version, self.parts)


class _Comparator(NamedTuple):
    """An interval of versions, or what is outside of it."""

    low: Version | None = None
    above: bool = False
    """Whether `low` itself is left out."""
    high: Version | None = None
    through: bool = False
    """Whether `high` itself is in it."""
    release: _Release | None = None
    """Releases from here on are left out, their pre-releases with them."""
    at_least: _Release | None = None
    """Releases before it are left out."""
    outside: bool = False

    def holds(self, version: Version) -> bool:
        """Whether the version is in it."""
        return self._inside(version) != self.outside

    def _inside(self, version: Version) -> bool:
        triple = (version.major, version.minor, version.patch)
        if self.low is not None and (version < self.low or (self.above and version == self.low)):
            return False
        if self.high is not None and (version > self.high or (version == self.high and not self.through)):
            return False
        return (self.release is None or triple < self.release) and (self.at_least is None or triple >= self.at_least)


class _Group(NamedTuple):
    comparators: tuple[_Comparator, ...]
    prereleases: bool


class VersionRange(NamedTuple):
    """A range of versions."""

    groups: tuple[_Group, ...]

    def holds(self, version: Version) -> bool:
        """Whether the version is in the range."""
        return any(
            (group.prereleases or not version.prerelease) and all(part.holds(version) for part in group.comparators)
            for group in self.groups
        )


@functools.lru_cache(maxsize=1024)
def parse_range(text: str) -> VersionRange:
    """Read a range.

    Raises:
        ValueError: it is none; the message tells which part.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    return VersionRange(tuple(_group(part) for part in text.split("||")))


def version_of(tag: str) -> Version | None:
    """The version that a tag's name is, as in `v1.2.3`; None when it is none."""
    if not _TAG.match(tag):
        return None
    try:
        return Version.parse(tag.removeprefix("v"))
    except ValueError:
        return None


def newest_first(tags: Iterable[str]) -> list[tuple[Version, str]]:
    """Those tags that are versions, the highest first; equal ones by name, so that the choice stays."""
    found = [(version, tag) for tag in tags if (version := version_of(tag)) is not None]
    return sorted(found, key=lambda pair: (pair[0], pair[1]), reverse=True)


def _group(text: str) -> _Group:
    rest = _BETWEEN.sub(lambda found: f">={found[1]} <={found[6]}", text).strip()
    comparators: list[_Comparator] = []
    prereleases = False
    position = 0
    while position < len(rest):
        found = _COMPARATOR.match(rest, position)
        if found is None:
            raise ValueError(f"{rest[position : position + 40]!r} is no comparison of versions, as in >=1.2 or ^1.2.0")
        given = _given(found)
        prereleases = prereleases or bool(given.version.prerelease)
        comparators.append(_comparator(found[1], given))
        position = found.end()
    if not comparators or rest.endswith(","):
        raise ValueError("a part of it is empty: use * for any version")
    return _Group(tuple(comparators), prereleases)


def _given(found: re.Match[str]) -> _Given:
    parts: list[int] = []
    for part in found.groups()[1:4]:
        if part is None or not part.isdigit():
            break
        parts.append(int(part))
    release = ".".join(str(part) for part in (*parts, 0, 0, 0)[:3])
    return _Given(Version.parse(f"{release}-{found[5]}" if found[5] else release), len(parts))


def _comparator(sign: str, given: _Given) -> _Comparator:
    version, whole = given.version, given.parts == 3
    below = _Comparator(low=version, release=given.next)
    table = {
        ">": _Comparator(low=version, above=True) if whole else _Comparator(at_least=given.next),
        ">=": _Comparator(low=version),
        "<": _Comparator(high=version),
        "<=": _Comparator(high=version, through=True) if whole else _Comparator(release=given.next),
        "^": _Comparator(low=version, release=_behind(version, _fixed(given))),
        "~": _Comparator(low=version, release=_behind(version, min(given.parts, 2))),
        "": _Comparator(low=version, high=version, through=True) if whole else below,
    }
    if sign == "!=":
        return table[""]._replace(outside=True)
    return table[{"=>": ">=", "=<": "<=", "~>": "~", "=": ""}.get(sign, sign)]


def _fixed(given: _Given) -> int:
    """How many leading parts `^` keeps: up to the first that is not 0."""
    release = (given.version.major, given.version.minor, given.version.patch)
    first = next((place for place, part in enumerate(release, 1) if part), 3)
    return min(first, given.parts)


def _behind(version: Version, parts: int) -> _Release:
    release = (version.major, version.minor, version.patch)
    if parts == 0:
        return (1 << 62, 0, 0)
    return (*release[: parts - 1], release[parts - 1] + 1, 0, 0)[:3]  # type: ignore[return-value] # three parts
