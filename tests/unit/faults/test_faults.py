"""Fault points: who dies or fails where, and when."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from controller import faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """Signals that were sent instead of dying."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    yield sent
    faults.arm("")


def test_the_process_dies_at_its_point_and_nowhere_else(deaths: list[tuple[int, int]]) -> None:
    """By SIGKILL, as in a power cut."""
    faults.arm("after-intent")
    faults.reach("after-write")
    assert deaths == []

    faults.reach("after-intent")

    assert deaths == [(os.getpid(), signal.SIGKILL)]


def test_a_count_lets_so_many_pass(deaths: list[tuple[int, int]]) -> None:
    """The third time is the one."""
    faults.arm("after-write:3")
    faults.reach("after-write")
    faults.reach("after-write")
    assert deaths == []

    faults.reach("after-write")

    assert len(deaths) == 1


def test_a_point_counts_from_when_its_file_exists(deaths: list[tuple[int, int]], tmp_path: Path) -> None:
    """What happened before is not counted."""
    faults.arm(f"after-write:2?{tmp_path / 'armed'}")
    for _ in range(5):
        faults.reach("after-write")

    (tmp_path / "armed").touch()
    faults.reach("after-write")
    assert deaths == []
    faults.reach("after-write")

    assert len(deaths) == 1


def test_an_application_fails_so_often_and_no_other(deaths: list[tuple[int, int]]) -> None:
    """Nobody dies of it."""
    faults.arm("after-render:2@shop")
    faults.subject.set("bank")
    faults.reach("after-render")
    faults.subject.set("shop")
    for _ in range(2):
        with pytest.raises(faults.Broken):
            faults.reach("after-render")

    faults.reach("after-render")

    assert deaths == []


@pytest.mark.parametrize("text", ["nowhere", "after-write:often", ":2"])
def test_what_is_no_point_is_refused(text: str) -> None:
    """The message names all of them."""
    with pytest.raises(ValueError, match=r"NAME\[:COUNT\]\[@APPLICATION\]\[\?FILE\].*after-delivery"):
        faults.arm(text)
