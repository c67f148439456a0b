"""SQL lives in a file of its own, every statement with a name and a purpose."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from controller.record import ledger
from controller.record.queries import QUERIES


def test_every_statement_has_a_purpose_and_a_user() -> None:
    """A title, then a comment that says what for; and the ledger is its only user."""
    used = set(re.findall(r'(?:_fetch|_execute)\(\s*"(\w+)"', Path(ledger.__file__).read_text(encoding="utf-8")))

    assert used == set(QUERIES)
    assert all(statement.startswith("-- ") for statement in QUERIES.values())


def test_titles_are_unique() -> None:
    """Else one would silently win."""
    text = resources.files("controller.record").joinpath("queries.sql").read_text(encoding="utf-8")

    assert len(re.findall(r"^-- \w+ --$", text, re.MULTILINE)) == len(QUERIES)
