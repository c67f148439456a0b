"""The few file operations on which durability rests, in one place so that tests can make them fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Disk:
    """The real disk. Every method blocks, and raises OSError."""

    def create(self, path: Path) -> int:
        """Create a file for appending; it must not exist."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> int:
        """Append some or all of the data: the number of bytes, as the system call gives it."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to a size in bytes."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """On return, what was written survives a power cut (fdatasync writes the new length too: POSIX)."""
        os.fdatasync(descriptor)

    def sync_directory(self, directory: Path) -> None:
        """On return, files created in the directory and removed from it stay so after a power cut."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
