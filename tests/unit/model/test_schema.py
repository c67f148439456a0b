"""Structural schemas from Structs."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from controller.model import duration
from controller.model.base import Noun, Strict
from controller.model.schema import schema


class Colour(enum.StrEnum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Part(Strict, frozen=True, kw_only=True):
    """A part."""

    size: Annotated[int, Meta(description="How large.", ge=1, le=10)] = 3
    label: str | None = None


class Whole(Noun, frozen=True, kw_only=True):
    """A whole."""

    title: Annotated[str, Meta(min_length=1, max_length=5)]
    part: Part = Part()
    maybe_part: Annotated[Part | None, Meta(description="Or none.")] = None
    mode: Literal["on", "off"] = "on"
    colour: Colour = Colour.RED
    parts: Annotated[tuple[Part, ...], Meta(max_length=4)] = ()
    anything: dict[str, Any] | None = None
    wait: duration.Duration = "5s"
    count: int = 0
    flag: bool = False


def test_a_wish_says_types_bounds_and_defaults() -> None:
    """Everything the Struct says stands in the schema, in the API's names."""
    found = schema(Whole, wish=True)
    fields = found["properties"]
    assert found["description"] == "A whole."
    assert found["required"] == ["title"]
    assert fields["title"] == {"type": "string", "minLength": 1, "maxLength": 5}
    assert fields["mode"] == {"type": "string", "enum": ["off", "on"], "default": "on"}
    assert fields["colour"] == {"type": "string", "enum": ["red", "blue"], "default": "red"}
    assert fields["count"] == {"type": "integer", "format": "int64", "default": 0}
    assert fields["flag"] == {"type": "boolean", "default": False}
    assert fields["parts"]["maxItems"] == 4
    assert fields["parts"]["items"]["properties"]["size"] == {
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": 10,
        "description": "How large.",
        "default": 3,
    }


def test_a_default_object_is_written_in_full() -> None:
    """The API server runs rules on a default before it fills in what is inside of it."""
    assert schema(Whole, wish=True)["properties"]["part"]["default"] == {"size": 3}


def test_an_optional_field_is_its_type_without_a_null() -> None:
    """Structural schemas know no `anyOf` with null, and absent is the only "none"."""
    field = schema(Whole, wish=True)["properties"]["maybePart"]
    assert field["type"] == "object"
    assert field["description"] == "Or none."
    assert "default" not in field
    assert "nullable" not in field


def test_free_form_fields_keep_what_they_are_given() -> None:
    """A mapping to anything is not pruned by the API server."""
    field = schema(Whole, wish=True)["properties"]["anything"]
    assert field == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_a_pattern_of_a_wish_is_said_in_words() -> None:
    """A refusal by a pattern alone shows a regular expression; the rule beside it says what is wanted."""
    field = schema(Whole, wish=True)["properties"]["wait"]
    assert field["pattern"] == duration.PATTERN
    assert [rule["message"].split(":")[0] for rule in field["x-kubernetes-validations"]] == ["must be a duration"]


def test_a_status_has_neither_defaults_nor_rules() -> None:
    """The server fills in nothing that nobody saw, and checks no rule without bounds."""
    assert "default" not in str(schema(Whole, wish=False))
    assert "x-kubernetes-validations" not in str(schema(Whole, wish=False))


def test_a_type_that_a_schema_can_not_say_is_named() -> None:
    """The developer who adds such a field is told which one it is."""

    class Odd(msgspec.Struct):
        """Odd."""

        either: int | str = 0

    with pytest.raises(TypeError, match=r"Odd\.either: a structural schema can't say one of several types"):
        schema(Odd, wish=True)
