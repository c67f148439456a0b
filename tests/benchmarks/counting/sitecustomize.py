"""Imported by Python as it starts, when this directory is on PYTHONPATH: SIGUSR2 has its asyncio tasks counted.

The count is written into the file that SHIPSLOG_BENCHMARK_TASKS names.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_path = os.environ.get("SHIPSLOG_BENCHMARK_TASKS")


def _count(_number: int, _frame: FrameType | None) -> None:
    new = Path(f"{_path}.new")
    new.write_text(str(len(asyncio.all_tasks())), encoding="utf-8")
    new.replace(Path(str(_path)))


if _path:
    signal.signal(signal.SIGUSR2, _count)
