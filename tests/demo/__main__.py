"""`python -m tests.demo`: tell the story; exit 0 when every step kept its promise."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.demo import ground as grounds
from tests.demo.narrator import PLAIN_WIDTH, Narrator
from tests.demo.promises import Missed, bounds
from tests.demo.story import SHIPSLOG, Story
from tests.ground.processes import ProcessFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PICTURE_WIDTH = 165
# Without the fonts that the template would load from elsewhere: a reader's own monospace serves.
_FRAME = re.sub(r"(?s)@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", "", CONSOLE_SVG_FORMAT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story, or stop one that was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say where")
    parser.add_argument("--down", action="store_true", help="stop what --keep left running")
    parser.add_argument("--picture", type=Path, help="draw what was told into this SVG file")
    parser.add_argument("--bound", action="append", default=[], metavar="NAME=SECONDS", help="another bound of a step")
    given = parser.parse_args(arguments)
    if given.down:
        print("demo: stopped" if grounds.down() else "demo: none was running")
        return 0
    try:
        promised = bounds(given.bound)
    except ValueError as error:
        parser.error(str(error))
    console = _console(recording=given.picture is not None)
    with _ends_on_sigterm():
        code = _tell(Narrator(console, promised, live=console.is_terminal and given.picture is None), keep=given.keep)
    if given.picture is not None and code == 0:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        console.save_svg(str(given.picture), title="make demo", code_format=_FRAME)
    return code


def _tell(narrator: Narrator, *, keep: bool) -> int:
    begun = time.monotonic()
    grounds.down()
    grounds.forget()
    ground = grounds.Ground(keep=keep)
    narrator.title("Shipslog: the first voyage, on real parts")
    done = False
    try:
        Story(narrator, ground).tell()
        _end(narrator, ground, time.monotonic() - begun)
        done = True
    except (Missed, ProcessFailed, OSError) as error:
        return _failed(narrator, str(error))
    except subprocess.CalledProcessError as error:
        return _failed(narrator, f"{Path(error.cmd[0]).name} failed: {(error.stderr or error.stdout).strip()[-500:]}")
    except KeyboardInterrupt:
        return _failed(narrator, "interrupted")
    finally:
        if not (keep and done):
            ground.stop()
    return 0


def _failed(narrator: Narrator, reason: str) -> int:
    print(f"demo: {narrator.at}: {' '.join(reason.split())}", file=sys.stderr)
    return 1


def _end(narrator: Narrator, ground: grounds.Ground, seconds: float) -> None:
    narrator.console.print()
    narrator.table()
    narrator.title(f"All of it took {seconds:.1f} s. What to try next:")
    if not ground.keep:
        narrator.commands("make demo KEEP=1   # the same, and everything stays up to be played with")
        return
    narrator.console.print()
    for name, value in (
        ("KUBECONFIG", ground.plane.kubeconfig.relative_to(grounds.CHECKOUT)),
        ("SHIPSLOG_CLI_DATABASE_URL", ground.database.reader),
        ("Git", ground.repository.url),
        ("working copy", ground.worktree.path.relative_to(grounds.CHECKOUT)),
        ("metrics", f"{ground.controller.url}/metrics"),
        ("Prometheus", ground.prometheus.url),
        ("log", ground.log.relative_to(grounds.CHECKOUT)),
    ):
        narrator.say(Text.assemble((f"{name:<26}", "bold"), str(value)))
    narrator.console.print()
    narrator.commands(
        f"export KUBECONFIG={ground.plane.kubeconfig.relative_to(grounds.CHECKOUT)}",
        f"export SHIPSLOG_CLI_DATABASE_URL='{ground.database.reader}'",
        f"{SHIPSLOG} get applications -A",
        f"{SHIPSLOG} app team-pay/shop",
        f"{SHIPSLOG} audit tail --follow",
        ".venv/bin/python -m tests.demo --down   # when you have seen enough",
    )


def _console(*, recording: bool) -> Console:
    if recording:
        return Console(record=True, force_terminal=True, width=PICTURE_WIDTH, highlight=False)
    plain = not sys.stdout.isatty()
    return Console(highlight=False, width=PLAIN_WIDTH if plain else None)


@contextlib.contextmanager
def _ends_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the story as Ctrl-C does: nothing is left running."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    raise SystemExit(main())
