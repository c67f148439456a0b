"""Reference of the custom resources, from their CustomResourceDefinitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.crds import KINDS, Kind, crd
from controller.model.labels import API_VERSION
from docs.generator import markdown
from docs.generator.examples import examples, mistakes
from docs.generator.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json

INTRODUCTION = f"""\
All kinds belong to `{API_VERSION}`. Durations are written as Kubernetes writes them: `90s`, `1h30m`, `250ms`. A field
in **bold** is required."""


def page() -> str:
    """All kinds, examples and mistakes."""
    kinds = (part for kind in KINDS for part in _kind(kind))
    return markdown.page("Resources", INTRODUCTION, *kinds, *_examples(), *_mistakes())


def _examples() -> Iterator[str]:
    yield "## Examples"
    rows = [[f"[`{example.name}.yaml`](../examples/{example.name}.yaml)", example.comment] for example in examples()]
    yield table(["File", "What it shows"], rows)


def _mistakes() -> Iterator[str]:
    yield "## Mistakes"
    yield "What the API server refuses, the field it names, and what it says:"
    rows = [
        [f"[`{mistake.name}.yaml`](../examples/mistakes/{mistake.name}.yaml)", code(mistake.field), mistake.says]
        for mistake in mistakes()
    ]
    yield table(["File", "Field", "It says"], rows)


def _kind(kind: Kind) -> Iterator[str]:
    definition = crd(kind)
    version = definition["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    yield f"## {kind.kind}"
    yield kind.description
    yield _names(definition)
    yield f"### Spec of {kind.kind}"
    yield table(["Field", "Type", "Default", "Meaning"], _rows(root["properties"]["spec"], "spec", wish=True))
    yield "The API server refuses what breaks one of these rules:"
    yield "\n".join(f"- {code(path)}: {message}." for path, message in _rules(root, ""))
    yield f"### Status of {kind.kind}"
    yield table(
        ["Field", "Type", "Meaning"],
        ([row[0], row[1], row[3]] for row in _rows(root["properties"]["status"], "status", wish=False)),
    )
    yield f"### Columns of `kubectl get {kind.plural}`"
    yield table(["Column", "With", "Meaning"], _columns(version["additionalPrinterColumns"]))


def _names(definition: Json) -> str:
    names = definition["spec"]["names"]
    scope = "One namespace" if definition["spec"]["scope"] == "Namespaced" else "The whole cluster"
    called = [names["plural"], names["singular"], *names.get("shortNames", [])]
    return table(
        ["Scope", "Names", "Categories", "Field selectors"],
        [
            [
                scope,
                ", ".join(code(name) for name in called),
                ", ".join(code(name) for name in names["categories"]),
                ", ".join(
                    code(field["jsonPath"][1:])
                    for field in definition["spec"]["versions"][0].get("selectableFields", [])
                ),
            ]
        ],
    )


def _rows(schema: Json, path: str, *, wish: bool) -> Iterator[list[str]]:
    """One row a field, depth first in the order of the schema."""
    for name, field in schema.get("properties", {}).items():
        inner = field.get("items", field)
        here = f"{path}.{name}" + ("[]" if "items" in field else "")
        required = wish and name in schema.get("required", [])
        leaf = inner.get("type") != "object" or "properties" not in inner
        default = code(_text(field["default"])) if "default" in field and leaf else ""
        yield [f"**{code(here)}**" if required else code(here), _type(field), default, _meaning(field, inner)]
        yield from _rows(inner, here, wish=wish)


def _type(field: Json) -> str:
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "enum" in field:
        return "one of " + ", ".join(code(value) for value in field["enum"])
    return {"integer": "whole number", "boolean": "switch", "string": "text", "object": "object"}[field["type"]]


def _meaning(field: Json, inner: Json) -> str:
    bounds = [
        f"{word} {inner[bound]}{unit}"
        for bound, word, unit in (
            ("minimum", "at least", ""),
            ("maximum", "at most", ""),
            ("maxLength", "at most", " characters"),
        )
        if bound in inner
    ]
    if "maxItems" in field:
        bounds.append(f"at most {field['maxItems']} entries")
    return str(field.get("description", "")) + (f" ({', '.join(bounds)})" if bounds else "")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rules(schema: Json, path: str) -> Iterator[tuple[str, str]]:
    """Every rule with the field that a refusal names."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield (path + rule.get("fieldPath", "")).lstrip("."), rule["message"]
    for name, field in schema.get("properties", {}).items():
        yield from _rules(field, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _columns(columns: list[Json]) -> Iterator[list[str]]:
    for column in columns:
        yield [column["name"], code("-o wide") if column["priority"] else "", column["description"]]
