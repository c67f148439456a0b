from __future__ import annotations

import pytest

from controller.cli import main
from controller.cli.exits import Exit, Refused
from controller.cli.listing import headline, lines, listed
from controller.cli.progress import Progress
from controller.cli.view import View

ENTRIES = [
    "shop/a.yaml: ConfigMap team/A_: metadata.name: not a name; use a DNS label",
    "shop/web.yaml: Deployment.apps team/web: spec.replicas: expected numeric; got string",
    "shop/z.yaml: Namespace z: no",
]
HEAD = "3 of 7 objects refused, nothing was written"
WHOLE = f"{HEAD}: {'; '.join(ENTRIES)} (correct them in Git)"


def test_each_refused_object_has_its_line() -> None:
    """A semicolon in a message begins no other object; the remedy of all stands once, at the head."""
    assert listed(WHOLE) == (f"{HEAD} (correct them in Git)", ENTRIES)
    assert headline(WHOLE) == HEAD
    assert lines(WHOLE) == [f"{HEAD} (correct them in Git):", *(f"  {entry}" for entry in ENTRIES)]


@pytest.mark.parametrize("message", ["", "no route to host", f"1 of 7 objects refused: {ENTRIES[0]}", "a; b: C d: e"])
def test_any_other_message_stays_one_line(message: str) -> None:
    """Also a refusal of a single object."""
    assert lines(message) == [message]
    assert headline(message) == (message.partition(": ")[0] if "refused" in message else message)


def test_each_wrong_manifest_has_its_line() -> None:
    """Of which only the file and the line may be known."""
    assert listed("2 manifests are wrong: a.yaml:1: no name; or so (name it); shop/b.yaml:4: kind is missing") == (
        "2 manifests are wrong",
        ["a.yaml:1: no name; or so (name it)", "shop/b.yaml:4: kind is missing"],
    )


def test_a_refused_sync_ends_with_a_line_for_each_object(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe, as on a terminal."""
    with View("team/shop") as view:
        view.show(Progress("Refused", WHOLE, outcome=Exit.FAILED), 0.3)

    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith(f"Refused    {HEAD} (correct them in Git):")
    assert shown[1:] == [f"  {entry}" for entry in ENTRIES]


def test_an_error_of_many_objects_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The head says how many, and what to do about it."""
    message = f"3 of 7 objects refused: {'; '.join(ENTRIES)}"

    code = main._end(Refused(message, remedy="correct them in Git"))

    assert code == Exit.FAILED
    assert capsys.readouterr().err.splitlines() == [
        "error: 3 of 7 objects refused (correct them in Git):",
        *(f"  {entry}" for entry in ENTRIES),
    ]
