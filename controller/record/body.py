"""The canonical body of an event: what is spooled, hashed, stored and proven (RFC 8785).

A body always has actor, boot, code, id, occurred_at, outcome, producer, schema_version, seq, severity and type.
What is empty is left out: causation_id, correlation_id, detail, reason, revision, target and its fields.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from typing import Any

import msgspec
import orjson
import rfc8785

from controller.model.event import BY_LABEL, Draft, Event
from controller.record.errors import EventError
from controller.record.identifier import is_derived

SCHEMA_VERSION = 1
MAX_BODY = 64 << 10
"""Bytes of a canonical body. The schema of the ledger holds the same limit."""
MAX_IDENTIFIER = 512
"""Bytes of a text that becomes an indexed column: PostgreSQL refuses index entries over 2,704 bytes."""
MAX_DEPTH = 64
"""Levels of nesting in `detail`."""

_SAFE_INTEGER = 2**53 - 1
_LEAST_ALIKE, _MOST_ALIKE = 1e-4, 1e15
"""Between these, orjson writes a fraction as ECMAScript does: without an exponent."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal adds to a draft."""

    id: str
    occurred_at: str
    producer: str
    boot: str
    seq: int


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a body that recording itself needs; unknown types of a newer version pass."""

    id: str
    type: str
    occurred_at: str
    producer: str
    boot: str
    seq: int
    correlation_id: str = ""
    causation_id: str = ""

    @classmethod
    def of(cls, body: bytes) -> Head:
        """Read them; raises msgspec.MsgspecError when it is no body of ours."""
        return _HEAD.decode(body)


_HEAD = msgspec.json.Decoder(Head)


def compose(draft: Draft, stamp: Stamp) -> Event:
    """The event with its canonical body.

    Raises EventError, naming the type of the event and the field, when it is too large or can't be JSON.
    """
    plain = _Plain(draft.type.label)
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "type": draft.type.label,
        "code": draft.type.code,
        "severity": draft.type.severity,
        "outcome": draft.outcome,
        "actor": {"kind": draft.actor.kind, "name": _identifier(draft, "actor.name", draft.actor.name)},
        "id": stamp.id,
        "occurred_at": stamp.occurred_at,
        "producer": _identifier(draft, "producer", stamp.producer),
        "boot": stamp.boot,
        "seq": stamp.seq,
        "target": {
            field: _identifier(draft, f"target.{field}", text)
            for field in draft.target.__struct_fields__
            if (text := getattr(draft.target, field))
        },
        "reason": _text(draft.reason),
        "detail": plain.detail(draft.detail),
    }
    for field in ("correlation_id", "causation_id", "revision"):
        document[field] = _identifier(draft, field, getattr(draft, field))
    body = plain.dump({field: value for field, value in document.items() if value not in ("", {})})
    if len(body) > MAX_BODY:
        raise EventError(
            f"the {draft.type.label} event has {len(body)} bytes of at most {MAX_BODY}",
            remedy="shorten its detail or its reason",
        )
    return Event(
        id=stamp.id,
        type=draft.type,
        occurred_at=stamp.occurred_at,
        producer=stamp.producer,
        boot=stamp.boot,
        seq=stamp.seq,
        body=body,
    )


def timestamp(moment: dt.datetime) -> str:
    """RFC 3339 in UTC with microseconds, the one form that bodies use."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def given_time(draft: Draft) -> str:
    """The time that the draft gives, in the form of `timestamp`; raises EventError when it is none."""
    try:
        moment = dt.datetime.fromisoformat(draft.occurred_at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise EventError(
            f"the {draft.type.label} event has occurred_at {draft.occurred_at!r}", remedy="give RFC 3339 with a zone"
        )
    return timestamp(moment)


def given_id(draft: Draft) -> str:
    """The identifier that the draft gives, checked; version 7 is the journal's own."""
    try:
        identifier = str(uuid.UUID(draft.id))
    except ValueError:
        identifier = ""
    if not identifier or not is_derived(identifier):
        raise EventError(
            f"the {draft.type.label} event has id {draft.id!r}",
            remedy="derive one by controller.record.identifier.derived, or leave it empty",
        )
    return identifier


def event_of(body: bytes, head: Head) -> Event:
    """The event that a spooled body is; its type must be one we know."""
    return Event(
        id=head.id,
        type=BY_LABEL[head.type],
        occurred_at=head.occurred_at,
        producer=head.producer,
        boot=head.boot,
        seq=head.seq,
        body=body,
    )


def _identifier(draft: Draft, field: str, text: str) -> str:
    text = _text(text)
    if len(text.encode()) > MAX_IDENTIFIER:
        raise EventError(
            f"the {draft.type.label} event has a {field} of {len(text.encode())} bytes",
            remedy=f"it takes at most {MAX_IDENTIFIER}",
        )
    return text


def _text(text: str) -> str:
    """Text that PostgreSQL's jsonb can hold: it knows neither U+0000 nor lone surrogates; U+FFFD stands for them."""
    if text.isprintable():  # neither is printable: the usual text takes the short way
        return text
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Plain:
    """Makes JSON that survives both RFC 8785 and jsonb, and writes it canonically."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._simple = True

    def detail(self, detail: dict[str, Any]) -> Any:
        """The detail of an event; raises EventError where it can't be JSON."""
        try:
            return self._value(msgspec.to_builtins(detail, str_keys=True), MAX_DEPTH)
        except (TypeError, ValueError, RecursionError) as error:
            raise EventError(
                f"the detail of the {self._label} event can't be recorded: {error}", remedy="give it plain JSON values"
            ) from error

    def dump(self, document: dict[str, Any]) -> bytes:
        """The canonical bytes.

        Without very small and very large numbers, and with keys in ASCII, orjson writes what RFC 8785 asks for, thirty
        times as fast: both sort alike then, escape alike, and write numbers with the fewest digits.
        """
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS) if self._simple else rfc8785.dumps(document)

    def _value(self, value: Any, depth: int) -> Any:
        """Integers beyond 2^53 (Kubernetes has int64) and numbers that JSON does not know become text."""
        if depth < 0:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list | tuple):
            return [self._value(item, depth - 1) for item in value]
        if isinstance(value, float):
            return self._number(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
            return str(value)
        return value

    def _number(self, value: float) -> float | str:
        if not math.isfinite(value):
            return str(value)
        if value.is_integer() and abs(value) <= _SAFE_INTEGER:
            return int(value)  # as RFC 8785 writes it
        self._simple = self._simple and _LEAST_ALIKE <= abs(value) < _MOST_ALIKE
        return value

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        plain = {_text(key): self._value(item, depth - 1) for key, item in value.items()}
        if len(plain) < len(value):
            raise ValueError("two keys are the same once U+0000 is replaced")
        self._simple = self._simple and all(map(str.isascii, plain))
        return plain
