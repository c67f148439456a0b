from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controller.cli import table
from controller.cli.printer import age, rows
from controller.cli.table import Table
from controller.model.crds import KINDS

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def test_a_pipe_gets_aligned_columns_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """No colour, no lines, nothing cut off, whatever the width of the terminal."""
    table.show(Table(("Name", "State"), [("a", "Healthy"), ("much-longer", "x" * 300)]))

    assert capsys.readouterr().out == f"NAME          STATE\na             Healthy\nmuch-longer   {'x' * 300}\n"


def test_no_rows_are_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets nothing."""
    table.show(Table(("Name",), [], empty="No ships found."))

    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "No ships found.\n")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_is_unwanted(
    no_color: str, coloured: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR makes a terminal a pipe."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")

    table.show(Table(("Name", "Health"), [("shop", "Degraded")]))

    assert ("\x1b[31mDegraded" in capsys.readouterr().out) is coloured


def test_foreign_text_can_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A commit's message with escape codes or markup stays text on one line."""
    table.show(Table(("Message",), [("[red]a\x1b[2J\nb",)]))

    assert capsys.readouterr().out == "MESSAGE\n[red]a [2J b\n"


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-01-10T11:59:15Z", "45s"),
        ("2026-01-10T11:58:30Z", "90s"),
        ("2026-01-10T11:45:00Z", "15m"),
        ("2026-01-10T02:00:00+00:00", "10h"),
        ("2026-01-01T12:00:00Z", "9d"),
        ("2026-01-10T12:00:09Z", "0s"),
        ("yesterday", ""),
        ("2026-01-10T11:59:15", ""),
    ],
)
def test_an_age_is_written_as_kubectl_writes_it(moment: str, said: str) -> None:
    """What is no time has no age."""
    assert age(moment, NOW) == said


def test_rows_follow_the_printer_columns() -> None:
    """Conditions by their type, times as ages, wide columns only when asked."""
    body = {
        "metadata": {"name": "shop", "namespace": "team", "creationTimestamp": "2026-01-10T11:00:00Z"},
        "spec": {"source": {"repository": "shop"}},
        "status": {
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "Synced", "status": "True"}],
            "summary": "4 objects",
        },
    }

    narrow = rows(KINDS[0], [body], wide=False, namespaces=False, now=NOW)
    wide = rows(KINDS[0], [body], wide=True, namespaces=True, now=NOW)

    assert dict(zip(narrow.titles, narrow.rows[0], strict=True)) == {
        "Name": "shop",
        "Synced": "True",
        "Healthy": "",
        "Objects": "4 objects",
        "Commit": "",
        "Age": "60m",
    }
    assert wide.titles[:2] == ("Namespace", "Name")
    assert dict(zip(wide.titles, wide.rows[0], strict=True))["Repository"] == "shop"


def test_a_status_of_another_shape_has_empty_cells() -> None:
    """An older version of us may have written it."""
    body = {"metadata": {"name": "shop"}, "status": {"conditions": "none", "revision": []}}

    assert set(rows(KINDS[0], [body], wide=True, namespaces=False, now=NOW).rows[0]) == {"shop", ""}
