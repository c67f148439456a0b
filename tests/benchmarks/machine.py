"""What it was measured on: nothing that names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

if TYPE_CHECKING:
    from tests.benchmarks.harbour import Harbour


class Machine(msgspec.Struct, frozen=True, rename="camel"):
    """The machine and the versions. `load` is the load average of one minute before the start."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    load: float
    shipslog: str
    python: str
    kubernetes: str
    postgresql: str
    git: str


def machine(harbour: Harbour, load: float) -> Machine:
    """This machine, and what runs on it."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        load=round(load, 2),
        shipslog=version("shipslog"),
        python=platform.python_version(),
        kubernetes=harbour.plane.admin.get("/version")["gitVersion"],
        postgresql=harbour.postgres.execute("SHOW server_version").split()[0],
        git=_git(),
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _git() -> str:
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    return said.split()[2]
