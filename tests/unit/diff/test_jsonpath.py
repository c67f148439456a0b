"""JSONPaths that people write: what they lead to, what is refused, and how long they may take."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from controller.diff.jsonpath import places
from controller.errors import Terminal

BODY: dict[str, Any] = {
    "spec": {"list": [{"name": "web", "image": "a", "port": 80}, {"name": "log", "image": "b"}], "a/b": {"c d": 1}}
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.spec.list[?@.name == 'web'].image", [("spec", "list", 0, "image")]),
        ("$.spec.list[?@.name == 'log' && @.image == 'b'].image", [("spec", "list", 1, "image")]),
        ("$.spec.list[?@.port].name", [("spec", "list", 0, "name")]),
        ("$.spec.list[*].image", [("spec", "list", 0, "image"), ("spec", "list", 1, "image")]),
        ("$..image", [("spec", "list", 0, "image"), ("spec", "list", 1, "image")]),
        ("$.spec.list[-1].name", [("spec", "list", 1, "name")]),
        ("$.spec['a/b']['c d']", [("spec", "a/b", "c d")]),
        ("$.spec.missing", []),
        ("$.spec.list[7]", []),
    ],
)
def test_a_path_leads_to_places(path: str, found: list[tuple[str | int, ...]]) -> None:
    """Names and indices from the root; a path that leads nowhere is no error."""
    assert list(places(path, BODY)) == found


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("$", "the whole object"),
        (".spec.replicas", "expected"),
        ("$.spec[", "unexpected end"),
        ("$.spec.list[?(@.name", "unbalanced"),
        ("$..a..b", "`..` more than once"),
        ("$['a','b']", "several selectors"),
        ("$.spec.list[?@..name == 'web']", "not comparable"),
        ("$.spec.list[?@..name]", "right below its item"),
        ("$.spec.list[?$.spec.a]", "right below its item"),
        ("$.spec.list[?@[?@[?@.a]]]", "right below its item"),
        ("$.spec.list[?match(@.name, '(a+)+$')]", "not defined"),
        ("$.spec.list[?search(@.name, '(a+)+$')]", "not defined"),
        ("$.spec.list[?count(@.*) > 1]", "not defined"),
        ("$.spec.list[?@.name =~ /a/]", "unexpected"),
        ("$.a | $.b", "unexpected"),
        ("$.spec" + "[?(" * 60, ""),
        ("$" + ".a" * 400, "longer than 256 characters"),
        ("$.spec.\x00", "unexpected"),
    ],
)
def test_a_path_that_can_not_be_followed_is_refused_with_the_reason(path: str, why: str) -> None:
    """What is no RFC 9535, and what could take long."""
    with pytest.raises(Terminal) as refusal:
        places(path, BODY)
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    "path",
    [
        "$..*",
        "$" + ".*" * 100,
        "$..[?@.a == @.b || @.c == @.d || @.e == @.f || @.g == @.h]",
        "$..[?" + " || ".join(f"@.{letter}" for letter in "abcdefghijklmnopqrstuvwxyz") + "]",
        "$..[0:1000000000]",
        "$.x[::1]..y",
        "$.spec[?" + "!" * 200 + "@.a]",
        "$..['" + "x" * 200 + "']",
    ],
)
def test_the_slowest_paths_take_no_longer_than_the_object_is_large(path: str) -> None:
    """An object of 1.5 MB, as large as the server stores one, and the slowest paths that are let through."""
    wide = {f"k{number}": {"a": 1, "b": [{"c": str(number)}] * 4} for number in range(12_000)}
    begun = time.perf_counter()
    with contextlib.suppress(Terminal):  # it may be told to be more exact
        places(path, {"spec": wide})
    assert time.perf_counter() - begun < 5


def test_a_path_that_takes_too_many_steps_is_told_so() -> None:
    """Instead of holding all other Applications up."""
    wide = {f"k{number}": {"a": 1} for number in range(40_000)}
    with pytest.raises(Terminal, match="more than 30000 steps"):
        places("$.spec[?@.b == 1 || @.c == 2]", {"spec": wide})


def test_an_object_that_is_nested_too_deeply_is_refused() -> None:
    """The server stores none that deep; nobody's own recursion is at stake."""
    body: dict[str, Any] = {}
    inner = body
    for _ in range(500):
        inner["a"] = {}
        inner = inner["a"]
    with pytest.raises(Terminal, match="recursion limit"):
        places("$..z", body)
