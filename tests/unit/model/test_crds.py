"""CustomResourceDefinitions, as far as they can be judged without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.model import rules
from controller.model.application import ApplicationSpec
from controller.model.crds import KINDS, crds
from controller.model.labels import GROUP
from docs.generator.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json

FORBIDDEN = {"$ref", "anyOf", "oneOf", "allOf", "title", "$defs", "const"}


def root(crd: Json) -> Json:
    """The schema of a definition's only version."""
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def fields(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every field below a schema, with its path."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field.get("items", field), f"{path}.{name}")


def keys(document: Any) -> set[str]:
    """Every key anywhere that is a keyword of a schema, not a field's name or a value."""
    if not isinstance(document, dict):
        return set()
    of_keys = document.get("additionalProperties")
    # A map's values have a schema; beside properties, or as a switch, it is none of a structural schema.
    assert of_keys is None or (isinstance(of_keys, dict) and "properties" not in document)
    inner = [*document.get("properties", {}).values(), document.get("items"), of_keys]
    return set(document) | {key for value in inner for key in keys(value)}


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_a_definition_uses_structural_keywords_only(crd: Json) -> None:
    """Anything else is refused, or silently dropped, by an API server."""
    assert keys(root(crd)) & FORBIDDEN == set()


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_every_field_says_what_it_is(crd: Json) -> None:
    """`kubectl explain` has an answer for every field, and every field has a type."""
    for part in ("spec", "status"):
        for path, field in fields(root(crd)["properties"][part], part):
            assert field.get("description"), path
            assert field.get("type"), path


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_every_text_and_list_of_a_wish_is_bounded(crd: Json) -> None:
    """What people write is bounded before it is stored; the API server also needs it to price its rules."""
    for path, field in fields(root(crd)["properties"]["spec"], "spec"):
        item = field.get("items", field)
        assert item["type"] != "string" or "enum" in item or "maxLength" in item, path
        assert field["type"] != "array" or "maxItems" in field, path


def test_definitions_are_named_for_what_they_define() -> None:
    """The names the API server asks for."""
    assert [crd["metadata"]["name"] for crd in crds()] == [f"{kind.plural}.{GROUP}" for kind in KINDS]


def test_a_change_to_a_definition_does_not_change_the_next() -> None:
    """Whoever labels one, as the chart does, has their own."""
    crds()[0]["metadata"]["labels"] = {"a": "b"}
    crds()[0]["spec"]["names"]["categories"].append("all")
    assert "labels" not in crds()[0]["metadata"]
    assert crds()[1]["spec"]["names"]["categories"] == ["shipslog", "gitops"]


def test_a_pattern_without_a_meaning_is_an_error() -> None:
    """No field of a wish can refuse people with nothing but a regular expression."""
    with pytest.raises(KeyError):
        rules.meaning("^x$")


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_decodes_into_the_model(example: Any) -> None:
    """Unknown fields are errors in the model as they are on the server."""
    specs = {kind.kind: kind.spec for kind in KINDS}
    for body in example.objects:
        if body["kind"] in specs:
            msgspec.convert(body["spec"], specs[body["kind"]])


def test_the_defaults_of_an_application_are_pinned() -> None:
    """A default is a promise: changing one changes what stored Applications mean."""
    smallest = {"source": {"repository": "shop"}, "destination": {"namespace": "shop"}}
    sync = msgspec.convert(smallest, ApplicationSpec).sync
    assert (sync.mode, sync.prune, sync.self_heal, sync.allow_empty) == ("auto", True, True, False)
    assert (sync.interval, sync.timeout, sync.retry.limit) == ("1h", "5m", 5)
    assert (sync.retry.backoff.duration, sync.retry.backoff.factor, sync.retry.backoff.max_duration) == ("5s", 2, "3m")
