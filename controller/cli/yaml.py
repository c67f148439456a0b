"""YAML that every reader takes for the same: neither version 1.1 nor 1.2 sees anything but text in what is text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Letters first, and no word that some version of YAML reads as a boolean, null, infinity or not-a-number.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?:[ :][A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
_BLOCK_LINE = re.compile(r"[^\S \n]|[^\n\x20-\x7e\u00a1-\u1fff\u2030-\ud7ff\uf900-\ufdff\U00010000-\U0001fffd]")


def dump(value: Any) -> str:
    """One document, ending with a line break."""
    return "".join(f"{line}\n" for line in _block(value))


def dump_all(values: Iterable[Any]) -> str:
    """A stream of documents."""
    return "---\n".join(dump(value) for value in values)


def _block(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{_scalar(key)}:", item)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            first, *rest = _block(item)
            head = _literal_head(item)
            yield f"- {head}" if head else f"- {first}"
            yield from (f"  {line}" if line else "" for line in (_lines(item) if head else rest))
    else:
        yield _scalar(value)


def _entry(head: str, item: Any) -> Iterator[str]:
    if isinstance(item, dict) and item:
        yield head
        yield from (f"  {line}" if line else "" for line in _block(item))
    elif isinstance(item, list | tuple) and item:
        yield head
        yield from _block(item)
    elif literal := _literal_head(item):
        yield f"{head} {literal}"
        yield from (f"  {line}" if line else "" for line in _lines(item))
    else:
        yield f"{head} {_scalar(item)}"


def _literal_head(value: Any) -> str:
    """The head of a literal block where one keeps the text as it is, else nothing."""
    if not isinstance(value, str) or "\n" not in value.rstrip("\n"):
        return ""
    if _BLOCK_LINE.search(value) or value.startswith((" ", "\n")) or re.search(r"[ \t]$", value, re.MULTILINE):
        return ""
    if value.endswith("\n\n"):
        return ""
    return "|" if value.endswith("\n") else "|-"


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    text = json.dumps(value)
    # To YAML 1.1 only a number with a point is a fraction.
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def _is_plain(text: str) -> bool:
    return len(text) < 200 and bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS


def _quoted(text: str) -> str:
    return "".join(_escaped(letter) for letter in json.dumps(text, ensure_ascii=False))


def _escaped(letter: str) -> str:
    if letter.isprintable() and letter != "\ufeff":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
