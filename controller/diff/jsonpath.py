"""JSONPath (RFC 9535): from a path that people wrote to the places it leads to in one object.

Its time is bounded: one selector in each pair of brackets, `..` once, filters that compare what stands right below
the item, no functions and so no regular expressions. Then no place is visited twice, whatever the path; and the steps
that one path takes in one object are counted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import jsonpath
from jsonpath import filter as filters
from jsonpath import segments, selectors
from jsonpath.match import JSONPathMatch

from controller.errors import Terminal
from controller.model.base import Json
from controller.model.ignore import LONGEST_PATH

DEEPEST = 100
"""Levels of an object that `..` goes down."""

STEPS = 30_000
"""Places that one path may look at in one object, and comparisons it may make: about half a second."""

Place = tuple[str | int, ...]
"""Names of fields and indices of items, from the object's root."""


class _Environment(jsonpath.JSONPathEnvironment):
    max_recursion_depth = DEEPEST

    def setup_function_extensions(self) -> None:
        """None: functions are what could take long."""


_ENVIRONMENT = _Environment(strict=True)


class _TooManyStepsError(Exception):
    pass


class _Steps:
    """What is left of the steps of the path that is followed right now."""

    left = 0

    @classmethod
    def take(cls, count: int = 1) -> None:
        cls.left -= count
        if cls.left < 0:
            raise _TooManyStepsError


class _Match(JSONPathMatch):
    """A place that was reached: a step. Those below it are of the same class."""

    __slots__ = ()

    def __init__(self, **fields: Any) -> None:
        _Steps.take()
        super().__init__(**fields)


class _Filter(filters.BaseExpression):
    """A filter whose every evaluation is as many steps as it asks questions."""

    __slots__ = ("_cost", "_inner")

    def __init__(self, inner: filters.BaseExpression) -> None:
        self._inner = inner
        self._cost = _size(inner)
        super().__init__()

    def evaluate(self, context: selectors.FilterContext) -> object:
        _Steps.take(self._cost)
        return self._inner.evaluate(context)

    async def evaluate_async(self, context: selectors.FilterContext) -> object:
        return self.evaluate(context)

    def children(self) -> list[filters.BaseExpression]:
        return [self._inner]

    def set_children(self, children: list[filters.BaseExpression]) -> None:
        (self._inner,) = children


def places(path: str, body: Json) -> tuple[Place, ...]:
    """Where the path leads in the object. Raises Terminal that quotes the path and says what is wrong with it."""
    found = compiled(path)
    _Steps.left = STEPS
    try:
        nodes: Iterable[JSONPathMatch] = [
            _Match(filter_context={}, obj=body, parent=None, path="$", parts=(), root=body)
        ]
        for segment in found.segments:
            nodes = segment.resolve(nodes)
        return tuple(tuple(match.parts) for match in nodes)
    except jsonpath.JSONPathError as error:
        raise _refused(path, _said(error)) from None
    except _TooManyStepsError:
        raise _refused(path, f"it takes more than {STEPS} steps in this object: be more exact") from None


@functools.lru_cache(maxsize=1024)
def compiled(path: str) -> jsonpath.JSONPath:
    """The path, parsed and within bounds. Raises Terminal as `places` does."""
    if len(path) > LONGEST_PATH:
        raise _refused(path[:LONGEST_PATH], f"it is longer than {LONGEST_PATH} characters")
    try:
        found = _ENVIRONMENT.compile(path)
    except (jsonpath.JSONPathError, RecursionError, UnicodeError) as error:
        raise _refused(path, _said(error)) from None
    if not isinstance(found, jsonpath.JSONPath):
        raise _refused(path, "it joins several paths")
    for problem in _excesses(found):
        raise _refused(path, problem)
    for segment in found.segments:
        for selector in segment.selectors:
            if isinstance(selector, selectors.Filter):
                selector.expression = filters.FilterExpression(_Filter(selector.expression.expression))
    return found


def _excesses(path: jsonpath.JSONPath) -> Iterator[str]:
    if not path.segments:
        yield "it leads to the whole object"
    if sum(isinstance(segment, segments.JSONPathRecursiveDescentSegment) for segment in path.segments) > 1:
        yield "it has `..` more than once"
    for segment in path.segments:
        if len(segment.selectors) != 1:
            yield "it has several selectors in one pair of brackets"
        for selector in segment.selectors:
            if isinstance(selector, selectors.Filter) and not _is_simple(selector.expression):
                yield "a filter may only look right below its item, as in [?@.name == 'web']"


def _is_simple(expression: filters.BaseExpression) -> bool:
    if isinstance(expression, filters.FilterQuery):
        return isinstance(expression, filters.RelativeFilterQuery) and expression.path.singular_query()
    return all(_is_simple(child) for child in expression.children())


def _size(expression: filters.BaseExpression) -> int:
    return 1 + sum(_size(child) for child in expression.children())


def _refused(path: str, why: str) -> Terminal:
    return Terminal(
        f"ignoreDifferences: jsonPaths: {path!r} can't be followed: {why}",
        remedy="write it as RFC 9535 has it, such as $.spec.template.spec.containers[?@.name == 'web'].image",
    )


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
