"""The command line as a user runs it: a process of its own, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UNSET = ("KUBECONFIG", "NO_COLOR", "USER")


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, decoded."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs `shipslog` with a home directory and variables of its own."""

    home: Path
    variables: dict[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        """What a command finds: nothing of whoever runs the tests that could matter."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in UNSET and not name.startswith(("SHIPSLOG_", "XDG_"))
        }
        return inherited | {"HOME": str(self.home), "USER": "grace"} | self.variables | more

    def __call__(self, *arguments: str, stdin: str | bytes = "", cwd: str | Path | None = None, **more: str) -> Said:
        """Run a command to its end."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "controller", *arguments],
            input=given,
            capture_output=True,
            env=self.environment(**more),
            cwd=cwd,
            timeout=90,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str, log: Path, **more: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on; what it says goes into a file."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "controller", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.environment(**more),
            )
