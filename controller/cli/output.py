"""What a command has to say, as JSON, YAML or a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from controller.cli import table, yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.base import Json

Format = Literal["table", "json", "yaml"]


def emit(form: Format, value: Any, drawn: Callable[[], table.Table]) -> None:
    """Print the value, or the table that `drawn` makes of it."""
    if form == "table":
        table.show(drawn())
    else:
        write(form, value)


def write(form: Format, value: Any) -> None:
    """Print a value as JSON (one indented document) or YAML; a list becomes one YAML document, too."""
    plain = msgspec.to_builtins(value)
    if form == "yaml":
        sys.stdout.write(yaml.dump(plain))
    else:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n")


def bare(body: Json) -> Json:
    """The object without the field managers' bookkeeping, which nobody reads."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": metadata}
