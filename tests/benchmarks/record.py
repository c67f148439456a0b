"""What a run found, in files: one for each answer, written as soon as it is there, and one for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import orjson

from tests.benchmarks.machine import Machine  # noqa: TC001 - msgspec reads annotations at run time
from tests.benchmarks.question import Answer, Asked  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN = "run.json"


class Run(msgspec.Struct, kw_only=True, rename="camel"):
    """One run. `failures`: why a question has no answer."""

    machine: Machine
    asked: Asked
    answers: dict[str, Answer] = {}
    failures: dict[str, str] = {}


class Record:
    """A run's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def answer(self, answer: Answer) -> None:
        """Keep an answer."""
        (self._directory / f"{answer.question}.json").write_bytes(to_json(answer))

    def run(self, run: Run) -> None:
        """Keep all of it."""
        (self._directory / RUN).write_bytes(to_json(run))


def to_json(what: object) -> bytes:
    """As JSON, for people, too."""
    return orjson.dumps(msgspec.to_builtins(what), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(directory: Path) -> Run:
    """What a run kept. Raises FileNotFoundError where it kept nothing, msgspec.ValidationError where that is no run."""
    return msgspec.json.decode((directory / RUN).read_bytes(), type=Run)


def aims_of(runs: Sequence[Run]) -> dict[tuple[str, str], list[float]]:
    """What was measured of every aim, by question and name, over runs."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for question, answer in run.answers.items():
            for aim in answer.aims:
                found.setdefault((question, aim.name), []).append(aim.measured)
    return found


def ratios_of(runs: Sequence[Run]) -> dict[tuple[str, str], list[float]]:
    """Every ratio, by question and name, over runs."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for question, answer in run.answers.items():
            for name, ratio in answer.ratios.items():
                found.setdefault((question, name), []).append(ratio)
    return found
