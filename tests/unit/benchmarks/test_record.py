"""Answers in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from tests.benchmarks import record
from tests.benchmarks.__main__ import ask
from tests.benchmarks.progress import Progress
from tests.benchmarks.question import Aim
from tests.benchmarks.record import Record
from tests.unit.benchmarks.runs import answer, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.question import Answer


def test_a_run_comes_back_from_its_files_as_it_was(tmp_path: Path) -> None:
    """Tables, ratios, aims, plots and raw figures."""
    kept = run(answer(seconds=1.25), answer("commit", renders=1.0))
    kept.failures["steady"] = "TimeoutError: late"

    Record(tmp_path).run(kept)

    assert record.read(tmp_path) == kept


def test_an_answer_is_json_that_others_can_read(tmp_path: Path) -> None:
    """A file of its own, by the question's name."""
    Record(tmp_path).answer(answer(seconds=1.25))

    found = json.loads((tmp_path / "load.json").read_text(encoding="utf-8"))

    assert found["ratios"] == {"seconds": 1.25}
    assert found["aims"] == [{"name": "to bare", "measured": 1.0, "limit": 1.3, "unit": "x"}]
    assert found["sections"] == [["How long", ["", "ours"], [["a | b", "1.00"]]]]
    assert found["plots"][0]["curves"] == [{"name": "ours", "x": [0, 1, 2], "y": [0, 10, 100]}]
    assert found["data"] == {"seconds": [1.5, 2]}


def test_an_aim_is_met_up_to_its_limit() -> None:
    """And no further."""
    assert Aim("to bare", 1.3, 1.3).met
    assert not Aim("to bare", 1.31, 1.3).met


def test_a_question_that_goes_wrong_is_noted_and_the_others_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered before it is kept, and what comes after it, too."""

    class Question:
        title = "what is asked"

        def __init__(self, name: str) -> None:
            self.name = name

        def measure(self, _ground: Harbour, _progress: Progress) -> Answer:
            if self.name == "commit":
                raise RuntimeError("the server is away")
            return answer(self.name, seconds=1.0)

    def made(name: str) -> type[Question]:
        return cast("type[Question]", lambda _asked: Question(name))

    questions = {name: made(name) for name in ("load", "commit", "steady")}
    monkeypatch.setattr("tests.benchmarks.__main__.QUESTIONS", questions)
    asked = run()

    ask(asked, list(questions), cast("Harbour", None), Record(tmp_path), Progress())

    assert list(asked.answers) == ["load", "steady"]
    assert asked.failures == {"commit": "RuntimeError: the server is away"}
    assert {path.name for path in tmp_path.iterdir()} == {"load.json", "steady.json", "run.json"}
    assert record.read(tmp_path) == asked
