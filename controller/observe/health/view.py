"""Reading what an API server answered without trusting its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from controller.model.base import Json

LONGEST = 300
"""Characters of a foreign message that enter a verdict."""


class Malformed(Exception):
    """A field holds something its kind does not allow; the text is a sentence that names the field."""


class Condition(msgspec.Struct, frozen=True):
    """One status condition of any kind; `seen` is its observedGeneration, 0 where it has none."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    seen: int = 0

    @property
    def because(self) -> str:
        """The condition's own words, or its reason, for the end of a sentence."""
        return clip(self.message or self.reason or f"condition {self.type} is {self.status}")


class View:
    """A JSON object and its place in the whole. A field that is missing or null has its default."""

    def __init__(self, value: Json, path: str = "") -> None:
        self._value = value
        self._path = path

    def __bool__(self) -> bool:
        return bool(self._value)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._value.get(name) is not None

    def raw(self, name: str) -> Any:
        """Whatever the field holds."""
        return self._value.get(name)

    def section(self, name: str) -> View:
        """The object in a field; an empty one where there is none."""
        return View(self._typed(name, dict, "an object", {}), self._place(name))

    def sections(self, name: str) -> list[View]:
        """The objects of a list."""
        found = self._typed(name, list, "a list", [])
        if not all(isinstance(item, dict) for item in found):
            raise Malformed(f"{self._place(name)} has an entry that is no object.")
        return [View(item, f"{self._place(name)}[{index}]") for index, item in enumerate(found)]

    def length(self, name: str) -> int:
        """How many entries a list has, of whatever type."""
        return len(self._typed(name, list, "a list", []))

    def number(self, name: str, default: int = 0) -> int:
        """The whole number in a field."""
        found = self._typed(name, int, "a whole number", default)
        if isinstance(found, bool):
            raise Malformed(f"{self._place(name)} is a boolean where a whole number belongs.")
        return int(found)

    def text(self, name: str, default: str = "") -> str:
        """The text in a field."""
        return str(self._typed(name, str, "text", default))

    def flag(self, name: str) -> bool:
        """The boolean in a field; false where there is none."""
        return bool(self._typed(name, bool, "a boolean", default=False))

    def conditions(self) -> dict[str, Condition]:
        """The conditions of a status by type; of two with one type the first counts."""
        found: dict[str, Condition] = {}
        for item in self.sections("conditions"):
            condition = Condition(
                item.text("type"),
                item.text("status"),
                item.text("reason"),
                item.text("message"),
                item.number("observedGeneration"),
            )
            found.setdefault(condition.type, condition)
        return found

    def _typed(self, name: str, type_: type, article: str, default: Any) -> Any:
        found = self._value.get(name)
        if found is None:
            return default
        if not isinstance(found, type_):
            raise Malformed(
                f"{self._place(name)} is {_ARTICLES.get(type(found), 'of no JSON type')} where {article} belongs."
            )
        return found

    def _place(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


_ARTICLES = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a fraction", bool: "a boolean"}


def clip(text: str) -> str:
    """Foreign text on one line, bounded, without control characters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: LONGEST * 2]).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
