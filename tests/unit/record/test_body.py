"""The canonical body of an event."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from controller.model.event import Actor, Draft, EventType, Target
from controller.record.body import MAX_BODY, MAX_DEPTH, Head, Stamp, compose, given_id, given_time
from controller.record.errors import EventError
from tests.unit.record.drafts import note

STAMP = Stamp(
    id="01a20c98-5b6e-71d9-bd33-aebd13f90584",
    occurred_at="2026-11-24T08:07:21.198050Z",
    producer="shipslog-0",
    boot="01a20c98-5b6e-71d9-bd33-aebdf99012ad",
    seq=7,
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text()


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Lists and objects of leaves."""
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=30)


USUAL = st.floats(1e-5, 1e16) | st.floats(0, 100).map(lambda seconds: round(seconds, 6))
"""Numbers around those that take the short way."""
VALUES = (
    nested(PLAIN | USUAL, st.text(st.characters(codec="ascii")))
    | nested(PLAIN | st.floats(), st.text())
    | nested(PLAIN, st.text(st.characters(codec="ascii")))
)


def body(draft: Draft) -> dict[str, Any]:
    """The body of a draft, decoded."""
    decoded: dict[str, Any] = json.loads(compose(draft, STAMP).body)
    return decoded


def test_the_body_is_these_bytes() -> None:
    """What auditors hash is pinned: keys sorted, no spaces, empty fields left out, all others there."""
    draft = Draft(
        type=EventType.DRIFT_HEALED,
        actor=Actor(kind="user", name="José"),
        target=Target(namespace="team-pay", application="shop"),
        reason='said "no"\n',
        correlation_id="run-1",
        detail={"seconds": 1.0, "b": [1e21, 0.1, True, None], "a": "€"},
    )

    assert compose(draft, STAMP).body.decode() == (
        '{"actor":{"kind":"user","name":"José"},"boot":"01a20c98-5b6e-71d9-bd33-aebdf99012ad","code":"S7001",'
        '"correlation_id":"run-1","detail":{"a":"€","b":[1e+21,0.1,true,null],"seconds":1},'
        '"id":"01a20c98-5b6e-71d9-bd33-aebd13f90584","occurred_at":"2026-11-24T08:07:21.198050Z",'
        '"outcome":"success","producer":"shipslog-0","reason":"said \\"no\\"\\n","schema_version":1,"seq":7,'
        '"severity":"info","target":{"application":"shop","namespace":"team-pay"},"type":"drift.healed"}'
    )


def test_keys_are_sorted_as_rfc_8785_has_it() -> None:
    """The example of its section 3.2.3: by UTF-16 code units."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    text = compose(note(detail=dict.fromkeys(keys, 0)), STAMP).body.decode()

    assert list(json.loads(text)["detail"]) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(VALUES)
def test_whatever_detail_is_given_the_body_is_canonical_and_fit_for_postgresql(value: object) -> None:
    """It is what RFC 8785 makes of itself, valid UTF-8, and holds no U+0000."""
    made = compose(note(detail={"value": value}), STAMP).body

    assert rfc8785.dumps(json.loads(made, parse_int=float)) == made
    assert b"\\u0000" not in made.replace(b"\\\\", b"")


def test_what_json_or_postgresql_cant_hold_becomes_text() -> None:
    """An int64 of Kubernetes keeps its digits; a null byte and half a surrogate pair become U+FFFD."""
    detail = {"big": 2**53, "small": -(2**63), "nan": float("nan"), "null\x00": "a\x00b", "half": "\ud800!"}

    assert body(note(detail=detail))["detail"] == {
        "big": "9007199254740992",
        "small": "-9223372036854775808",
        "nan": "nan",
        "null\ufffd": "a\ufffdb",
        "half": "\ufffd!",
    }


def test_a_body_over_the_limit_is_refused_by_name() -> None:
    """One byte decides."""
    room = MAX_BODY - len(compose(note(detail={"text": ""}), STAMP).body)
    assert len(compose(note(detail={"text": "x" * room}), STAMP).body) == MAX_BODY

    with pytest.raises(EventError, match=r"health\.changed event has 65537 bytes of at most 65536 \(shorten"):
        compose(note(detail={"text": "x" * (room + 1)}), STAMP)


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        (note(correlation_id="x" * 513), "health.changed event has a correlation_id of 513 bytes"),
        (note(target=Target(object="é" * 257)), "health.changed event has a target.object of 514 bytes"),
        (note(actor=Actor(name="x" * 513)), "health.changed event has a actor.name of 513 bytes"),
        (note(detail={"x": object()}), "detail of the health.changed event can't be recorded"),
        (note(detail={"a\x00": 1, "a\ufffd": 2}), "two keys are the same"),
    ],
)
def test_what_cant_be_recorded_is_refused_by_name(draft: Draft, message: str) -> None:
    """The error names the type of the event and the field."""
    with pytest.raises(EventError, match=message.replace(".", r"\.")):
        compose(draft, STAMP)


def test_nesting_is_bounded() -> None:
    """PostgreSQL parses by recursion, and so does every reader."""
    detail: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 1):
        detail = {"x": detail}

    with pytest.raises(EventError, match="nested deeper than 64 levels"):
        compose(note(detail=detail), STAMP)
    assert compose(note(detail=detail["x"]), STAMP).body


def test_a_given_time_is_told_in_utc_with_microseconds() -> None:
    """One form, whatever zone it was given in; a time without a zone is refused."""
    assert given_time(note(occurred_at="2026-11-24T09:07:21+01:00")) == "2026-11-24T08:07:21.000000Z"
    for wrong in ("yesterday", "2026-11-24T09:07:21"):
        with pytest.raises(EventError, match="give RFC 3339 with a zone"):
            given_time(note(occurred_at=wrong))


def test_a_given_identifier_must_be_a_derived_one() -> None:
    """Version 7 is the journal's own, and what is no UUID is refused."""
    assert given_id(note(id="B199F159-1D1F-5775-8B90-DB4F2A4D0E0B")) == "b199f159-1d1f-5775-8b90-db4f2a4d0e0b"
    for wrong in ("7", STAMP.id):
        with pytest.raises(EventError, match="derive one"):
            given_id(note(id=wrong))


def test_the_head_of_an_unknown_type_can_be_read() -> None:
    """A spool that a newer version left must be delivered by an older one."""
    made = compose(note(), STAMP).body.replace(b"health.changed", b"health.invented")

    assert Head.of(made).type == "health.invented"
