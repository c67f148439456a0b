"""Identifiers of events."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from controller.record.identifier import Uuid7, derived, is_derived


@given(st.lists(st.integers(min_value=0, max_value=2**48 - 2**33), min_size=1, max_size=50))
def test_identifiers_grow_whatever_the_clock_does(times: list[int]) -> None:
    """A clock that stands, jumps or runs backwards never yields a smaller or equal identifier."""
    source = Uuid7()

    made = [source.next(time) for time in times]

    assert sorted(set(made)) == made


def test_an_identifier_is_of_version_7_and_tells_its_time() -> None:
    """RFC 9562 section 5.7: 48 bits of milliseconds, version 7, variant 10."""
    identifier = uuid.UUID(Uuid7().next(1_764_000_000_123))

    assert identifier.version == 7
    assert identifier.variant == uuid.RFC_4122
    assert identifier.int >> 80 == 1_764_000_000_123


def test_identifiers_of_two_processes_differ() -> None:
    """In the same millisecond too: 73 bits are random."""
    assert len({Uuid7().next(5) for _ in range(1000)}) == 1000


def test_a_derived_identifier_never_changes() -> None:
    """A retry after an upgrade must find the identifier of before, so this value is pinned."""
    assert derived("result", "01a20c98-5b6e-71d9-bd33-aebd13f90584") == "b199f159-1d1f-5775-8b90-db4f2a4d0e0b"


def test_derived_identifiers_differ_where_names_do() -> None:
    """Also where their concatenation does not."""
    assert derived("ab", "c") != derived("a", "bc")


def test_derived_and_numbered_identifiers_are_told_apart() -> None:
    """By their version."""
    assert is_derived(derived("x"))
    assert not is_derived(Uuid7().next(5))
