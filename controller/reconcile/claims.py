"""Who wants which object: the newest wish of every Application, whatever came of it. PURE memory, lost at a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from controller.errors import ShipslogError
from controller.model.objects import Key, ObjectId


class Claim(msgspec.Struct, frozen=True):
    """What one Application wants to stand in a cluster; `made_of` says what of, so that it is not worked out twice."""

    cluster: str
    objects: frozenset[ObjectId]
    made_of: object = None


class Unknown(msgspec.Struct, frozen=True):
    """Why a claim could not be worked out of `made_of`, which is not tried again before `until`."""

    made_of: object
    error: ShipslogError
    until: float
    """Seconds on the monotonic clock."""


class Doubt(msgspec.Struct, frozen=True):
    """Why an Application deletes nothing for now: others may want its objects, and nobody knows yet."""

    since: float
    """Seconds on the monotonic clock."""
    why: str


class Claims:
    """All claims, by Application and by object; and what keeps Applications from deleting."""

    def __init__(self, *, foretold: bool = False) -> None:
        """`foretold`: nothing comes of what is found out, so nobody is waited for."""
        self.foretold = foretold
        self._claims: dict[Key, Claim] = {}
        self._by_object: dict[tuple[str, ObjectId], set[Key]] = {}
        self.doubts: dict[Key, Doubt] = {}
        self.unknown: dict[Key, Unknown] = {}
        """Applications whose claims could not be worked out."""

    def of(self, application: Key) -> Claim | None:
        """Its claim; None while nobody worked it out since the start."""
        return self._claims.get(application)

    def put(self, application: Key, claim: Claim | None) -> frozenset[Key]:
        """Replace its claim; gives the other Applications that this concerns: what they share with it changed."""
        before, self._claims[application] = self._claims.get(application), claim or Claim("", frozenset())
        self.unknown.pop(application, None)
        if claim is None:
            del self._claims[application]
            self.doubts.pop(application, None)
        old, new = set(_places(before)), set(_places(claim))
        concerned: set[Key] = set()
        for place in old ^ new:
            concerned |= self._by_object.get(place, set())
        for place in old - new:
            self._by_object[place].discard(application)
            if not self._by_object[place]:
                del self._by_object[place]
        for place in new - old:
            self._by_object.setdefault(place, set()).add(application)
        return frozenset(concerned - {application})

    def others(self, application: Key, cluster: str, wanted: ObjectId) -> tuple[Key, ...]:
        """Who else wants the object."""
        return tuple(sorted(self._by_object.get((cluster, wanted), set()) - {application}))

    def shared(self, application: Key) -> Iterator[tuple[ObjectId, tuple[Key, ...]]]:
        """The objects that others want, too."""
        claim = self._claims.get(application)
        for wanted in sorted(claim.objects) if claim else ():
            others = self.others(application, claim.cluster, wanted) if claim else ()
            if others:
                yield wanted, others


def _places(claim: Claim | None) -> Iterable[tuple[str, ObjectId]]:
    return ((claim.cluster, wanted) for wanted in claim.objects) if claim else ()
