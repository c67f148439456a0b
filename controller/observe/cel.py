"""The process that evaluates health checks: lines of JSON in, lines of JSON out, nothing else.

Expressions are written by tenants and run on objects of others, in a library that is not ours. So they run here: a
process without secrets, bounded in memory, which is killed and started anew when an answer takes too long. CEL has no
loops, and the library gives up after 10,000 iterations of its macros; what is left is bounded by the deadline.
"""

from __future__ import annotations

import functools
import resource
import sys
from typing import Any

import msgspec
from cel_expr_python import cel

MEMORY = 1 << 30
"""Bytes of address space."""
NAMES = ("apiVersion", "kind", "metadata", "spec", "status", "data", "self")
TOLD = 300
"""Characters of an error that are told."""


class Question(msgspec.Struct, frozen=True):
    """Expressions by name, in the order they are tried, and the object they are about; none: are they expressions?"""

    expressions: dict[str, str]
    object: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first expression that was true; or what was wrong, and with which. `absent`: a field was not there."""

    matched: str = ""
    at: str = ""
    error: str = ""
    absent: str = ""


def evaluate(question: Question) -> Answer:
    """Try the expressions one after another. A field that is not there makes an expression not true."""
    if question.object is None:
        return examine(question)
    body, absent = question.object, ""
    data = {name: body.get(name, {}) for name in NAMES} | {"self": body}
    for name, expression in question.expressions.items():
        try:
            found = _compiled(expression).eval(data=data)
        except RuntimeError as error:
            return Answer(at=name, error=_line(str(error)))
        value = found.value()
        if found.type() == cel.Type.ERROR:
            said = _line(str(value))
            if not said.startswith("NOT_FOUND"):
                return Answer(at=name, error=said)
            absent = absent or f"{name}: {said.partition(': ')[2]}"
        elif value is True:
            return Answer(matched=name)
        elif value is not False:
            return Answer(at=name, error="it is neither true nor false")
    return Answer(absent=absent)


_JUDGING = (cel.Type.BOOL, cel.Type.DYN)
"""Types that an expression may give. DYN: it depends on the object."""


def examine(question: Question) -> Answer:
    """What is wrong with the first expression that no object can be judged by."""
    for name, expression in question.expressions.items():
        try:
            gives = _compiled(expression).return_type()
        except RuntimeError as error:
            return Answer(at=name, error=_line(str(error)))
        if gives not in _JUDGING:
            return Answer(at=name, error=f"it is neither true nor false: it gives {gives}")
    return Answer()


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> cel.Expression:
    return _environment().compile(expression)


@functools.cache
def _environment() -> cel.Env:
    return cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN))


def _line(text: str) -> str:
    return " ".join(text.split())[:TOLD]


def main() -> None:
    """Answer until the other end closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decode = msgspec.json.Decoder(Question).decode
    for line in sys.stdin.buffer:
        try:
            answer = evaluate(decode(line))
        except (msgspec.MsgspecError, MemoryError, RecursionError) as error:
            answer = Answer(error=_line(f"{type(error).__name__}: {error}"))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
