from __future__ import annotations

import time

import pytest

from controller.render import RenderError
from controller.render.errors import MESSAGE_LIMIT, brief

LINK = 'template: a.yaml:1:20: executing "a" at <include "a" .>: error calling include: '


def test_a_chain_of_causes_that_repeats_itself_is_told_once() -> None:
    """A template that includes itself is a thousand causes deep, and one of them says it."""
    error = RenderError("a.yaml: " + LINK * 1000 + "a: unable to execute template")

    assert error.message == (
        'a.yaml: template: a.yaml:1:20: executing "a" at <include "a" .>: error calling include (1000 times): '
        "a: unable to execute template"
    )


def test_two_templates_that_include_each_other_are_told_once() -> None:
    """A circle of two is a repetition, too."""
    other = LINK.replace('"a"', '"b"')

    assert brief((LINK + other) * 500 + "the end").count("executing") == 2


def test_a_message_that_repeats_nothing_is_kept() -> None:
    """As it is, also where a part of it stands twice."""
    for text in ("", "a: a: b", "a.yaml:3: spec: spec: unknown field", "key: value\n"):
        assert brief(text) == text


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    """What it is about, and what came of it."""
    text = "begin " + " ".join(map(str, range(5000))) + " end"

    said = brief(text)

    assert len(said) <= MESSAGE_LIMIT
    assert said.startswith("begin 0 1 2")
    assert said.endswith("4999 end")
    assert " … " in said


@pytest.mark.parametrize("text", [": " * 500_000, "a: " * 300_000, "ab" * 500_000])
def test_a_hostile_message_takes_no_time(text: str) -> None:
    """A megabyte of colons is read once."""
    begun = time.monotonic()

    assert len(brief(text)) <= MESSAGE_LIMIT
    assert time.monotonic() - begun < 5
