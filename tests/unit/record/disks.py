"""Disks that fail, and one that is slow."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

from controller.record.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


class LoggedDisk(Disk):
    """Says what was done, in order; `fail` names operations that shall fail, and how."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.fail: dict[str, int] = {}

    def create(self, path: Path) -> int:
        self._do("create")
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> int:
        # Half of it is written before the disk is full, as a real one does.
        if "write" in self.fail:
            super().write(descriptor, data[: len(data) // 2])
        self._do("write")
        return super().write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        self._do("truncate")
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self._do("sync")
        super().sync(descriptor)

    def sync_directory(self, directory: Path) -> None:
        self._do("sync_directory")
        super().sync_directory(directory)

    def _do(self, operation: str) -> None:
        self.log.append(operation)
        if operation in self.fail:
            raise OSError(self.fail[operation], os.strerror(self.fail[operation]))


class ShortDisk(LoggedDisk):
    """Writes a few bytes at a time, as write(2) may."""

    def write(self, descriptor: int, data: bytes) -> int:
        return super().write(descriptor, data[:7])


class GatedDisk(LoggedDisk):
    """Its sync waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.entered.set()
        if not self.go.wait(30):
            raise OSError(errno.ETIMEDOUT, "nobody let the disk go")
        super().sync(descriptor)
