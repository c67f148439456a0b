"""Reference of the controller's settings."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any

from controller.settings import Settings, variable
from docs.generator import markdown
from docs.generator.chart import CHART_OWNED, value_name
from docs.generator.markdown import code, table

INTRODUCTION = """\
Every setting of the controller is one environment variable. Durations are in seconds, sizes in bytes; switches take
`true` or `false`. A variable that is empty counts as absent. The chart takes the same settings as values: the last
column names them."""


def page() -> str:
    """All settings, in the order of the code."""
    types = typing.get_type_hints(Settings)
    rows = [
        [
            code(variable(field)),
            _type(types[field.name]),
            code(_default(field.default)),
            field.metadata["doc"],
            CHART_OWNED.get(field.name) or code(f"settings.{value_name(field.name)}"),
        ]
        for field in dataclasses.fields(Settings)
    ]
    return markdown.page(
        "Settings", INTRODUCTION, table(["Variable", "Type", "Default", "Meaning", "Value of the chart"], rows)
    )


def _type(type_: type) -> str:
    return {str: "text", Path: "path", int: "whole number", float: "number", bool: "switch"}[type_]


def _default(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
