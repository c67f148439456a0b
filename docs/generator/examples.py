"""The documented examples and mistakes, read from `docs/examples`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from controller.model.base import Json

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_FIELD = "# Field: "
_SAYS = "# The API server says: "


@dataclass(frozen=True)
class Example:
    """One file: its name without `.yaml`, what its leading comment says, and its objects."""

    name: str
    comment: str
    objects: tuple[Json, ...]


@dataclass(frozen=True)
class Mistake:
    """One object that the API server refuses, the field it names and a part of what it says."""

    name: str
    field: str
    says: str
    object: Json


def examples() -> list[Example]:
    """All examples, by name."""
    return [_example(path) for path in sorted(EXAMPLES.glob("*.yaml"))]


def mistakes() -> list[Mistake]:
    """All mistakes, by name; raises ValueError for a file whose first two lines don't say what to expect."""
    return [_mistake(path) for path in sorted((EXAMPLES / "mistakes").glob("*.yaml"))]


def _example(path: Path) -> Example:
    text = path.read_text(encoding="utf-8")
    comment = [line.removeprefix("# ") for line in text.split("\napiVersion:", 1)[0].splitlines()]
    return Example(path.stem, " ".join(comment), tuple(yaml.safe_load_all(text)))


def _mistake(path: Path) -> Mistake:
    text = path.read_text(encoding="utf-8")
    field, says, *_ = text.splitlines()
    if not (field.startswith(_FIELD) and says.startswith(_SAYS)):
        raise ValueError(f"{path.name} must begin with the lines `{_FIELD}...` and `{_SAYS}...`")
    return Mistake(path.stem, field.removeprefix(_FIELD), says.removeprefix(_SAYS), yaml.safe_load(text))
