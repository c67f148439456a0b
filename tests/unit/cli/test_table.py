from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from controller.cli import table
from controller.cli.app import condition_colour
from controller.cli.fit import Fit, fit
from controller.cli.printer import age, rows
from controller.cli.stream import Stream
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


TREE = Table(
    ("Object", "Health"), [("Deployment.apps/a", "Healthy"), ("└─ b", ""), ("   └─ c", "")], indented=("Object",)
)


def test_a_tree_keeps_its_depth_in_a_pipe_and_on_a_terminal() -> None:
    """What is below the last child of a node is drawn further in than that child."""
    piped = table.plain(TREE)
    screen = Console(width=60, record=True, file=io.StringIO())
    screen.print(table.drawn(TREE, 60)[0])
    drawn = [line for line in screen.export_text().splitlines() if "─ " in line]

    assert [line.index("└") for line in piped[2:]] == [0, 3]
    assert [line.index("└") for line in drawn] == [0, 3]


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_is_unwanted(
    no_color: str, coloured: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As https://no-color.org wants it."""
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


def terminal(patch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal of 80 columns."""
    patch.setattr("sys.stdout.isatty", lambda: True)
    patch.setenv("NO_COLOR", "")
    patch.setenv("TERM", "xterm-256color")
    patch.setenv("COLUMNS", "80")


def seen(text: str) -> list[str]:
    """The lines, without colours and what is behind the last letter."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def test_a_narrow_terminal_gets_one_line_per_row_with_an_ellipsis(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The widest columns are cut, the others stand whole; no cell goes on in the next line."""
    terminal(monkeypatch)
    table.show(Table(("Time", "Object", "Reason"), [("2026-11-24T10:00:00Z", "ConfigMap " + "o" * 50, "r" * 90)]))

    lines = seen(capsys.readouterr().out)
    assert len(lines) == 3
    assert max(map(len, lines)) == 80
    assert lines[2].startswith("2026-11-24T10:00:00Z  ConfigMap ooo")
    assert lines[2].count("…") == 2


def test_a_narrow_terminal_gets_the_most_important_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left out is said, and where it can be seen."""
    terminal(monkeypatch)
    titles = ("Name", "Path", "Revision", "Message")
    table.show(Table(titles, [("n" * 30, "p" * 30, "r" * 40, "m" * 20)], optional=("Revision", "Path")))

    lines = seen(capsys.readouterr().out)
    assert lines[0].split() == ["Name", "Path", "Message"]
    assert lines[2] == f"{'n' * 30}  {'p' * 25}…  {'m' * 20}"
    assert lines[3] == "No room for revision: a wider terminal or -o json shows more."


def test_a_column_that_wraps_breaks_at_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is read to its end."""
    terminal(monkeypatch)
    message = " ".join(["ConfigMap", "shop/settings", "was", "refused"] * 8)
    table.show(Table(("Type", "Message"), [("Ready", message)], wraps=("Message",)))

    lines = seen(capsys.readouterr().out)
    assert " ".join(" ".join(lines[2:]).split()) == f"Ready {message}"
    assert all(len(line) <= 80 for line in lines)


def test_a_verdict_has_its_colour_in_its_column_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Application that is called Healthy may be anything."""
    terminal(monkeypatch)
    table.show(Table(("Name", "Health"), [("Healthy", "Degraded")]))

    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("Healthy ")
    assert "\x1b[31mDegraded" in line


@pytest.mark.parametrize(
    ("naturals", "space", "elastic", "optional", "shown", "widths"),
    [
        ([5, 5, 5], 80, {1}, [], (0, 1, 2), (5, 5, 5)),
        ([5, 50, 50], 80, {1, 2}, [], (0, 1, 2), (5, 35, 35)),
        ([5, 20, 90], 80, {1, 2}, [], (0, 1, 2), (5, 20, 51)),
        ([30, 40, 40, 40], 80, {3}, [2, 1], (0, 3), (30, 40)),
        ([30, 40, 40, 40], 90, {3}, [2, 1], (0, 1, 3), (30, 40, 16)),
        ([30, 40, 30, 40], 80, {3}, [2, 1], (0, 3), (30, 40)),
        ([10, 10], 22, set(), [1], (0, 1), (10, 10)),
        ([40, 40], 20, set(), [], (0, 1), (9, 9)),
        ([40, 40], 1, {1}, [], (0, 1), (1, 1)),
        ([], 80, set(), [], (), ()),
    ],
)
def test_elastic_columns_are_cut_before_others_are_left_out(
    naturals: list[int], space: int, elastic: set[int], optional: list[int], shown: tuple[int, ...], widths: list[int]
) -> None:
    """Names stand whole as long as there is something else to give up."""
    assert fit(naturals, space, elastic, optional) == Fit(shown, tuple(widths))


def test_a_narrow_terminal_keeps_names_and_verdicts_of_our_kinds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all wide columns the destination's namespace goes, not that of the Application."""
    terminal(monkeypatch)
    body = {
        "metadata": {"name": "warehouse-backend", "namespace": "team-pay"},
        "spec": {"source": {"repository": "shop-config", "path": "overlays/prod"}},
        "status": {"revision": {"sha": "a" * 40, "message": "Raise the price of the blue anchor"}},
    }
    table.show(rows(KINDS[0], [body], wide=True, namespaces=True, now=NOW))

    head, _, line, *_ = seen(capsys.readouterr().out)
    assert head.split()[:4] == ["Namespace", "Name", "Synced", "Healthy"]
    assert line.split()[:2] == ["team-pay", "warehouse-backend"]


def test_conditions_are_coloured_by_what_they_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not Stalled is no bad news."""
    terminal(monkeypatch)
    conditions = [("Ready", "False"), ("Synced", "True"), ("Reconciling", "False"), ("Stalled", "False")]
    table.show(Table(("Type", "Status"), conditions, colour=condition_colour))

    said = capsys.readouterr().out
    colours = {type_: re.search(rf"{type_} [^\n]*?\x1b\[(\d+)m", said) for type_, _ in conditions}
    assert {type_: found and found[1] for type_, found in colours.items()} == {
        "Ready": "31",
        "Synced": "32",
        "Reconciling": None,
        "Stalled": None,
    }


def test_rows_that_arrive_one_by_one_have_titles_and_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets the titles once, and columns that grow with what arrives."""
    stream = Stream(("Time", "Object"))
    stream.add(("10:00", "a"))
    stream.add(("10:01:30", "b"))
    stream.add(("10:02", "c"))

    assert capsys.readouterr().out.splitlines() == [
        "TIME    OBJECT",
        "10:00   a",
        "10:01:30   b",
        "10:02      c",
    ]


def test_rows_that_arrive_on_a_terminal_stay_on_their_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut as in a table, in the colours of their columns; titles again when other columns are shown."""
    terminal(monkeypatch)
    stream = Stream(("Time", "Outcome", "Actor", "Reason"), optional=("Actor",))
    stream.add(("10:00", "failure", "me", "r" * 200))
    stream.add(("10:00", "success", "a" * 70, "r"))

    said = capsys.readouterr().out
    assert [line.split()[0] for line in seen(said)] == ["Time", "10:00", "Time", "10:00"]
    assert all(len(line) <= 80 for line in seen(said))
    assert seen(said)[1].endswith("r…")
    assert "\x1b[31mfailure" in said
