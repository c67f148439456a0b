"""What can go wrong while rendering.

```text
Terminal
└── RenderError          the repository's content or the parameters are wrong: stands until one of them changes
Transient
└── EngineError          the engine could not be started, or the pool is closed: nobody's input is to blame
```
"""

from __future__ import annotations

from typing import Literal

from controller.errors import Terminal, Transient

Fault = Literal["input", "limit"]
MESSAGE_LIMIT = 1024
"""Longest message, in characters."""
_LONGEST_CIRCLE = 16
"""Parts of a chain, divided by ": ", that are looked at as one repetition."""
_MANY = 3
"""Repetitions that are told once; a message may well say something twice."""


def brief(text: str) -> str:
    """The message with each repetition of causes told once, and without its middle where it is still too long."""
    # Before, so that a hostile megabyte costs nothing: both ends of a chain are left.
    return cut(_told_once(cut(text, 256 * MESSAGE_LIMIT)), MESSAGE_LIMIT)


def cut(text: str, limit: int) -> str:
    """The text, without its middle where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    kept = (limit - 3) // 2
    return f"{text[:kept]} … {text[-kept:]}"


def _told_once(text: str) -> str:
    parts = text.split(": ")
    told: list[str] = []
    at = 0
    while at < len(parts):
        length, times = _circle(parts, at)
        circle = parts[at : at + length]
        told += [*circle[:-1], f"{circle[-1]} ({times} times)"] if times > 1 else circle
        at += length * times
    return ": ".join(told)


def _circle(parts: list[str], at: int) -> tuple[int, int]:
    """How many parts from here on repeat themselves, and how often they stand there; (1, 1) where none do."""
    for length in range(1, _LONGEST_CIRCLE + 1):
        times, wanted = 1, parts[at : at + length]
        while parts[at + times * length : at + (times + 1) * length] == wanted:
            times += 1
        if times >= _MANY:
            return length, times
    return 1, 1


class RenderError(Terminal):
    """The input can't be rendered: it is wrong (`input`) or takes more than it may (`limit`).

    The message is bounded. `file` is relative to the repository's root, `line` counts from 1, `object` is `Kind name`
    or a field.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        fault: Fault = "input",
        file: str = "",
        line: int = 0,
        object: str = "",  # noqa: A002 (the answer's own word)
    ) -> None:
        super().__init__(brief(message), remedy=remedy)
        self.fault: Fault = fault
        self.file = file
        self.line = line
        self.object = object

    def __str__(self) -> str:
        """With the file and the line, wherever the message has none."""
        text = super().__str__()
        place = f"{self.file}:{self.line}" if self.line else self.file
        if self.file not in self.message:
            return f"{place}: {text}"
        return text if f"line {self.line}" in text else text.replace(self.file, place, 1)


class EngineError(Transient):
    """The render engine is not there, can't be started or was closed."""
