"""Refusals are remembered by content."""

from __future__ import annotations

import pytest

from controller.render.errors import RenderError
from controller.render.refusals import COUNT, LIMIT_SECONDS, Refusals

KEY = (b"request", "root")


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_wrong_input_stays_wrong() -> None:
    """The same error for the same content, however much later; none for another commit or request."""
    clock = Clock()
    refusals, error = Refusals(clock), RenderError("not YAML", file="a.yaml", line=3)
    refusals.put(KEY, error)
    clock.now += 10 * LIMIT_SECONDS

    found = refusals.find(KEY)
    assert found is not None
    assert (str(found), found.file, found.line, found.fault) == (str(error), "a.yaml", 3, "input")
    assert refusals.find((b"request", "another root")) is None
    assert refusals.find((b"another request", "root")) is None


def test_what_was_read_is_not_held_by_its_refusal() -> None:
    """An error that was raised holds the frames it passed: what is remembered is another one."""
    refusals = Refusals()
    with pytest.raises(RenderError) as raised:
        _refuse()
    refusals.put(KEY, raised.value)
    assert raised.value.__traceback__ is not None

    for _ in range(2):
        found = refusals.find(KEY)
        assert found is not None
        assert found.__traceback__ is None
        with pytest.raises(RenderError, match="wrong"):
            raise found


def _refuse() -> None:
    raise RenderError("wrong")


def test_input_that_took_too_much_is_tried_again_after_a_while() -> None:
    """The machine may have been busy."""
    clock = Clock()
    refusals, error = Refusals(clock), RenderError("took longer than 30 s", fault="limit")
    refusals.put(KEY, error)

    clock.now += LIMIT_SECONDS - 1
    assert str(refusals.find(KEY)) == str(error)
    clock.now += 1
    assert refusals.find(KEY) is None


def test_the_oldest_are_forgotten() -> None:
    """Memory is bounded; what is asked for again stays."""
    refusals = Refusals()
    for number in range(COUNT):
        refusals.put((b"request", number), RenderError("wrong"))
    assert refusals.find((b"request", 0)) is not None

    refusals.put((b"request", COUNT), RenderError("wrong"))

    assert refusals.find((b"request", 0)) is not None
    assert refusals.find((b"request", 1)) is None
