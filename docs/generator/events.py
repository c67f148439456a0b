"""Reference of what the ledger records."""

from __future__ import annotations

from controller.model.event import EventType
from docs.generator import markdown
from docs.generator.markdown import code, table

INTRODUCTION = """\
Every record of the ledger has one of these types. Names and codes are a contract: they never change their meaning, and
a type that is no longer recorded keeps its row."""


def page() -> str:
    """The catalogue."""
    rows = [[code(type_.label), code(type_.code), type_.severity, type_.rationale] for type_ in EventType]
    return markdown.page("Events", INTRODUCTION, table(["Type", "Code", "Severity", "What it says"], rows))
