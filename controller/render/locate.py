"""Where the engine's binary is."""

from __future__ import annotations

import os
from pathlib import Path

from controller.render.errors import EngineError

NAME = "shipslog-render"


def locate_engine(setting: str = "") -> Path:
    """Return the engine's path: the one that is set, else the wheel's, else the checkout's.

    Raises:
        EngineError: There is none, or the one that is set can't be run.
    """
    package = Path(__file__).parent
    built = [package / "bin" / NAME, package.parents[1] / ".tools" / "bin" / NAME]
    candidates = [Path(setting)] if setting else built
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    where = " or ".join(str(candidate) for candidate in candidates)
    raise EngineError(
        f"the render engine is not at {where}",
        remedy="build it with `make setup`, or name it in SHIPSLOG_ENGINE",
    )
