"""Where the engine is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.render import EngineError, locate_engine

if TYPE_CHECKING:
    from pathlib import Path


def test_the_setting_counts_alone(tmp_path: Path) -> None:
    """A program that is set and missing is an error, not a reason to take another."""
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\n")

    with pytest.raises(EngineError, match="make setup"):
        locate_engine(str(engine))
    engine.chmod(0o755)
    assert locate_engine(str(engine)) == engine
