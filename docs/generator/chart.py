"""What the chart says about the controller's settings: their values, and the schema that refuses others."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from controller.model.base import Json

CHART = "helm/shipslog"

CHART_OWNED: Mapping[str, str] = {
    "database_url": "the Secret `database.existingSecret`",
    "namespace": "the release's namespace",
    "producer": "the Pod's name",
}
"""Settings that the chart fills in itself, and from where."""

CHOICES: Mapping[str, list[str]] = {
    "log_level": ["debug", "info", "warning", "error"],
    "log_format": ["json", "text"],
}
PATTERNS: Mapping[str, str] = {"listen": "^.*:[0-9]+$"}
REFUSED: Mapping[str, str] = {"listen": r"^(127\.|localhost:|\[::1\])"}
"""What must not match: neither a kubelet's probes nor Prometheus reach the inside of a Pod."""

LISTS = frozenset({"ignore_differences"})
"""Settings that are text for the controller and a list among the chart's values."""

_BLOCK = re.compile(r"(?<=# -- settings: generated\n).*?(?=# -- end of settings\n)", re.DOTALL)


def value_name(name: str) -> str:
    """A setting's name among the chart's values: camelCase, as Helm's conventions want it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def files(root: Path) -> dict[Path, str]:
    """The chart's files that hold settings: only that part of them is generated."""
    schema = json.loads((root / CHART / "values.schema.json").read_text(encoding="utf-8"))
    schema["properties"]["settings"] = settings_schema()
    values = (root / CHART / "values.yaml").read_text(encoding="utf-8")
    if not _BLOCK.search(values):
        raise ValueError(f"{CHART}/values.yaml has lost the comments around its settings: put them back")
    return {
        Path(CHART, "values.schema.json"): json.dumps(schema, indent=2) + "\n",
        Path(CHART, "values.yaml"): _BLOCK.sub(lambda _: settings_values(), values),
    }


def settings_schema() -> Json:
    """JSON Schema of `settings`."""
    properties = {value_name(field.name): _property(field) for field in _fields()}
    return {
        "description": "Settings of the controller, one environment variable each.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def settings_values() -> str:
    """The `settings` of values.yaml: every one with its meaning and its default."""
    lines = ["settings:"]
    for field in _fields():
        lines += [f"  # {field.metadata['doc']}", f"  {value_name(field.name)}: {_default(field)}"]
    return "\n".join(lines) + "\n"


def _fields() -> Iterator[dataclasses.Field[Any]]:
    return (field for field in dataclasses.fields(Settings) if field.name not in CHART_OWNED)


def _property(field: dataclasses.Field[Any]) -> Json:
    type_ = typing.get_type_hints(Settings)[field.name]
    kinds: Mapping[type, Json] = {
        str: {"type": "string"},
        Path: {"type": "string", "pattern": "^/"},
        int: {"type": "integer", "minimum": 0},
        float: {"type": "number", "exclusiveMinimum": 0},
        bool: {"type": "boolean"},
    }
    if field.name in LISTS:
        return {"description": field.metadata["doc"], "type": "array", "items": {"type": "object"}}
    choices = {"enum": CHOICES[field.name]} if field.name in CHOICES else {}
    pattern = {"pattern": PATTERNS[field.name]} if field.name in PATTERNS else {}
    refused = {"not": {"pattern": REFUSED[field.name]}} if field.name in REFUSED else {}
    return {"description": field.metadata["doc"]} | kinds[type_] | choices | pattern | refused


def _default(field: dataclasses.Field[Any]) -> str:
    return str(field.default) if field.name in LISTS else _yaml(field.default)


def _yaml(value: Any) -> str:
    """A default as YAML: JSON is YAML; whole seconds lose their `.0`."""
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
