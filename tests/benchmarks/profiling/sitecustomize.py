"""Imported by Python as it starts, when this directory is on PYTHONPATH: profiles the process it stands in.

PATH.html is for people; PATH.json is the tree of frames with their seconds.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from pyinstrument import Profiler
from pyinstrument.renderers import HTMLRenderer, JSONRenderer

_path = os.environ.get("SHIPSLOG_BENCHMARK_PROFILE")


def _write(profiler: Profiler, path: Path) -> None:
    profiler.stop()
    path.with_suffix(".html").write_text(profiler.output(HTMLRenderer()), encoding="utf-8")
    path.with_suffix(".json").write_text(profiler.output(JSONRenderer()), encoding="utf-8")


if _path:
    _profiler = Profiler(interval=0.001, async_mode="disabled")
    atexit.register(_write, _profiler, Path(_path))
    _profiler.start()
