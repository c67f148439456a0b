"""`python -m tests.demo`: tell the story; exit 0 when every step kept its promise."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tests.controlplane import ControlPlaneError
from tests.controlplane.admin import ApiError
from tests.demo.ground import ROOT, Busy, Ground, alone, clear, down, shown
from tests.demo.narrator import PLAIN_WIDTH, Narrator
from tests.demo.promises import Missed, bounds
from tests.demo.story import Story
from tests.ground.eventually import NeverCameTrueError
from tests.ground.git_repository import GitError
from tests.ground.initdb import PostgresError
from tests.ground.processes import AlreadyRunning, ProcessFailed
from tests.ground.prometheus import PrometheusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INTERRUPTED = 130
PICTURE_WIDTH = 165
# Without the fonts that the template would load from elsewhere: a reader's own monospace serves.
_FRAME = re.sub(
    r"(?s)@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*",
    "",
    inspect.signature(Console.save_svg).parameters["code_format"].default,
)
# What may go wrong with the parts; each says which one, and why.
_FAILURES = (
    AlreadyRunning,
    ApiError,
    ControlPlaneError,
    GitError,
    Missed,
    NeverCameTrueError,
    OSError,
    PostgresError,
    ProcessFailed,
    PrometheusError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story, or stop one that was kept; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say where")
    parser.add_argument("--down", action="store_true", help="stop what --keep left running")
    parser.add_argument("--picture", type=Path, help="draw what was told into this SVG file")
    parser.add_argument("--bound", action="append", default=[], metavar="NAME=SECONDS", help="another bound of a step")
    parser.add_argument("--root", type=Path, default=ROOT, help=f"where everything is kept (default: {shown(ROOT)})")
    given = parser.parse_args(arguments)
    root = given.root.resolve()
    try:
        narrator = _narrator(bounds(given.bound), recording=given.picture is not None)
        with alone(root), _ends_by_signals():
            if given.down:
                print("demo: stopped" if down(root) else "demo: none was running")
                return 0
            code = _tell(narrator, root, keep=given.keep)
    except ValueError as error:
        parser.error(str(error))
    except (Busy, PostgresError) as error:
        return _failed(str(error))
    if given.picture is not None and code == 0:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        narrator.console.save_svg(str(given.picture), title="make demo", code_format=_FRAME, unique_id="demo")
    return code


def _tell(narrator: Narrator, root: Path, *, keep: bool) -> int:
    begun = time.monotonic()
    kept = False
    try:
        narrator.title("Shipslog: the first voyage, on real parts")
        if down(root):
            narrator.title("(an earlier demo that was kept is stopped)")
        clear(root)
        ground = Ground(root, keep=keep)
        Story(narrator, ground).tell()
        kept = keep
    except _FAILURES as error:
        return _failed(f"{narrator.at}: {error}")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return _failed(f"{narrator.at}: {_program(error)}")
    except KeyboardInterrupt:
        _failed(f"{narrator.at}: interrupted")
        return INTERRUPTED
    finally:
        if not kept:
            _undisturbed(root)
    _end(narrator, ground, time.monotonic() - begun)
    return 0


def _undisturbed(root: Path) -> None:
    """Stop everything; a second Ctrl-C does not stop that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    down(root)


def _failed(reason: str) -> int:
    print(f"demo: {' '.join(reason.split())}", file=sys.stderr)
    return 1


def _program(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """Which program failed, and the end of what it said."""
    command = " ".join(Path(word).name if word.startswith("/") else word for word in error.cmd[:5])
    if isinstance(error, subprocess.TimeoutExpired):
        return f"{command}: no end after {error.timeout:g} s"
    said = error.stderr or error.stdout or ""
    return f"{command}: exit code {error.returncode}: {(said if isinstance(said, str) else said.decode())[-500:]}"


def _end(narrator: Narrator, ground: Ground, seconds: float) -> None:
    narrator.table()
    narrator.console.print()
    narrator.title(f"All of it took {seconds:.1f} s. What to try next:")
    if not ground.keep:
        narrator.commands("make demo KEEP=1   # the same, and everything stays up to be played with")
        return
    for name, value in (
        ("KUBECONFIG", shown(ground.plane.kubeconfig)),
        ("SHIPSLOG_CLI_DATABASE_URL", ground.database.reader),
        ("Git", ground.repository.url),
        ("working copy", shown(ground.worktree.path)),
        ("metrics", f"{ground.controller.url}/metrics"),
        ("Prometheus", ground.prometheus.url),
        ("log", shown(ground.log)),
    ):
        narrator.say(Text.assemble((f"{name:<26}", "bold"), value))
    narrator.console.print()
    narrator.commands(
        f"source {shown(ground.write_surroundings())}",
        "shipslog get applications -A",
        "shipslog app team-pay/shop",
        "shipslog audit tail --follow",
        f"cd {shown(ground.worktree.path)}   # change something, commit it, git push",
        ".venv/bin/python -m tests.demo --down   # when you have seen enough",
    )


def _narrator(promised: dict[str, float], *, recording: bool) -> Narrator:
    if recording:
        console = Console(record=True, force_terminal=True, width=PICTURE_WIDTH, highlight=False)
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    return Narrator(console, promised, live=console.is_terminal and not recording)


@contextlib.contextmanager
def _ends_by_signals() -> Iterator[None]:
    """SIGTERM, and a terminal that goes away, end the story as Ctrl-C does: nothing is left running."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    raise SystemExit(main())
