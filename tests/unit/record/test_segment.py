"""Records in a segment: what was written is read, and what was damaged is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.record.segment import (
    HEADER_SIZE,
    NO_RECORD,
    RECORD_OVERHEAD,
    Damage,
    Record,
    Scan,
    frame,
    header,
    read_header,
)

BODIES = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8)


def records(bodies: list[bytes]) -> bytes:
    """The records of bodies, chained."""
    data, previous = b"", NO_RECORD
    for body in bodies:
        record, previous = frame(body, previous)
        data += record
    return data


def scan(data: bytes) -> tuple[list[Record], list[Damage]]:
    """What a scan gives, by kind; together it must cover every byte once, in order."""
    items = list(Scan(data, 0, NO_RECORD))
    position = 0
    for item in items:
        assert item.start == position
        position = item.end
    assert position == len(data)
    return [item for item in items if isinstance(item, Record)], [item for item in items if isinstance(item, Damage)]


@given(BODIES)
def test_what_was_framed_is_read_back(bodies: list[bytes]) -> None:
    """Whatever the bodies hold, also bytes that look like records."""
    found, damage = scan(records(bodies))

    assert [record.body for record in found] == bodies
    assert all(record.chained for record in found)
    assert damage == []


@given(BODIES)
def test_a_body_that_is_a_segment_itself_is_no_trap(bodies: list[bytes]) -> None:
    """Only the outer record is read."""
    inside = records(bodies)

    found, damage = scan(records([inside]))

    assert [record.body for record in found] == [inside]
    assert damage == []


@given(BODIES, st.data())
def test_a_torn_tail_costs_only_the_record_that_was_torn(bodies: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere: all records that are whole are read, the rest is one damaged tail."""
    whole = records(bodies)
    cut = data.draw(st.integers(0, len(whole)))

    found, damage = scan(whole[:cut])

    assert [record.body for record in found] == bodies[: len(found)]
    assert len(found) == sum(len(records(bodies[:count])) <= cut for count in range(1, len(bodies) + 1))
    assert [piece.tail for piece in damage] == ([] if sum(map(framed, bodies[: len(found)])) == cut else [True])


def framed(body: bytes) -> int:
    """Size of a body's record."""
    return RECORD_OVERHEAD + len(body)


@given(BODIES, st.data())
def test_a_flipped_bit_is_found_and_costs_one_record(bodies: list[bytes], data: st.DataObject) -> None:
    """The record with the bit is damage; all others are read, and the one behind it tells that its link is broken."""
    whole = bytearray(records(bodies))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    hit = next(index for index in range(len(bodies)) if sum(map(framed, bodies[: index + 1])) > place // 8)

    found, damage = scan(bytes(whole))

    assert [record.body for record in found] == bodies[:hit] + bodies[hit + 1 :]
    assert len(damage) == 1
    assert damage[0].tail == (hit == len(bodies) - 1)
    assert [record.chained for record in found] == [index != hit for index in range(len(found))]


@given(BODIES.filter(lambda bodies: len(bodies) > 2), st.data())
def test_a_record_taken_out_breaks_the_chain(bodies: list[bytes], data: st.DataObject) -> None:
    """No byte is damaged, yet the record behind the gap says so."""
    taken = data.draw(st.integers(0, len(bodies) - 2))
    whole = records(bodies)
    start, end = len(records(bodies[:taken])), len(records(bodies[: taken + 1]))

    found, damage = scan(whole[:start] + whole[end:])

    assert damage == []
    assert [record.chained for record in found] == [index != taken for index in range(len(found))]


@given(st.binary(max_size=4000))
def test_noise_is_never_taken_for_a_record(noise: bytes) -> None:
    """And never crashes the reader."""
    found, _ = scan(noise)

    assert found == []


def test_a_header_is_read_only_whole_and_for_its_own_number() -> None:
    """A segment renamed or with a flipped bit is not taken for another."""
    whole = header(3, b"x" * 32)

    assert len(whole) == HEADER_SIZE
    assert read_header(whole + b"more", 3) == b"x" * 32
    assert read_header(whole, 4) is None
    assert all(read_header(whole[:size], 3) is None for size in range(HEADER_SIZE))
    for place in range(HEADER_SIZE * 8):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        assert read_header(bytes(flipped), 3) is None
