"""JSONPath (RFC 9535): from a path that people wrote to the places it leads to in one object.

Its time is bounded: one selector in each pair of brackets, `..` once, filters that compare what stands right below
the item, no functions and so no regular expressions. Then no place is visited twice, whatever the path.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import jsonpath
from jsonpath import filter as filters
from jsonpath import segments, selectors

from controller.errors import Terminal
from controller.model.base import Json
from controller.model.ignore import LONGEST_PATH

DEEPEST = 100
"""Levels of an object that `..` goes down."""

Place = tuple[str | int, ...]
"""Names of fields and indices of items, from the object's root."""


class _Environment(jsonpath.JSONPathEnvironment):
    max_recursion_depth = DEEPEST

    def setup_function_extensions(self) -> None:
        """None: functions are what could take long."""


_ENVIRONMENT = _Environment(strict=True)


def places(path: str, body: Json) -> tuple[Place, ...]:
    """Where the path leads in the object. Raises Terminal that quotes the path and says what is wrong with it."""
    try:
        return tuple(tuple(match.parts) for match in compiled(path).finditer(body))
    except jsonpath.JSONPathError as error:
        raise _refused(path, _said(error)) from None


@functools.lru_cache(maxsize=1024)
def compiled(path: str) -> jsonpath.JSONPath:
    """The path, parsed and within bounds. Raises Terminal as `places` does."""
    if len(path) > LONGEST_PATH:
        raise _refused(path[:LONGEST_PATH], f"it is longer than {LONGEST_PATH} characters")
    try:
        found = _ENVIRONMENT.compile(path)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise _refused(path, _said(error)) from None
    if not isinstance(found, jsonpath.JSONPath):
        raise _refused(path, "it joins several paths")
    for problem in _excesses(found):
        raise _refused(path, problem)
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


def _refused(path: str, why: str) -> Terminal:
    return Terminal(
        f"ignoreDifferences: jsonPaths: {path!r} can't be followed: {why}",
        remedy="write it as RFC 9535 has it, such as $.spec.template.spec.containers[?@.name == 'web'].image",
    )


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
