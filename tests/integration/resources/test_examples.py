"""Documented examples on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.model.crds import KINDS
from docs.generator.examples import Example, examples

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.integration.resources.api import Api

SPECS = {kind.kind: kind.spec for kind in KINDS}


def in_full(value: Any) -> Any:
    """A Struct as JSON with every default in it, as the API server stores it."""
    if isinstance(value, msgspec.Struct):
        fields = {field.encode_name: in_full(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
        return {name: inner for name, inner in fields.items() if inner is not None}
    return [in_full(item) for item in value] if isinstance(value, tuple) else value


def without_empty(value: Any) -> Any:
    """Without empty lists: absent and empty are the same wish."""
    if isinstance(value, dict):
        return {name: without_empty(inner) for name, inner in value.items() if inner != []}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def specs(example: Example) -> list[Json]:
    """The example's objects that are of our kinds."""
    return [body for body in example.objects if body["kind"] in SPECS]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_accepted_and_means_what_the_model_reads(api: Api, example: Example) -> None:
    """What the API server stores, filled in, is what the Struct's own defaults would make of the example."""
    assert specs(example), "an example shows one of our kinds"
    for body in example.objects:
        api.create(body)
    for body in specs(example):
        stored = api.read(body)["spec"]
        wish = msgspec.convert(body["spec"], SPECS[body["kind"]])
        assert msgspec.convert(stored, SPECS[body["kind"]]) == wish
        assert without_empty(stored) == without_empty(in_full(wish))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_accepted_by_server_side_apply(api: Api, example: Example) -> None:
    """Examples can be kept in Git and applied by ourselves: a second apply changes nothing."""
    for body in example.objects:
        applied = api.apply(body)
        assert api.apply(body)["metadata"]["resourceVersion"] == applied["metadata"]["resourceVersion"]


def test_every_field_of_a_wish_is_in_some_example() -> None:
    """A field that nobody shows is a field that nobody finds."""
    shown = {path for example in examples() for body in specs(example) for path in _paths(body["spec"], body["kind"])}
    assert {path for kind, spec in SPECS.items() for path in _fields(spec, kind)} - shown == set()


def _paths(body: Any, path: str) -> set[str]:
    if not isinstance(body, dict):
        return {path}
    return {path} | {inner for name, value in body.items() for inner in _paths(value, f"{path}.{name}")}


def _fields(spec: type[msgspec.Struct], path: str) -> set[str]:
    described = msgspec.json.schema(spec, ref_template="{name}")
    return _walk(described["$defs"], described["$ref"], path)


def _walk(definitions: Json, name: str, path: str) -> set[str]:
    found = {path}
    for field, schema in definitions[name]["properties"].items():
        targets = [option["$ref"] for option in (schema, *schema.get("anyOf", ())) if "$ref" in option]
        found |= {f"{path}.{field}"}
        for target in targets:
            found |= _walk(definitions, target, f"{path}.{field}")
    return found
