"""A disk of a few megabytes that can be filled and emptied: a tmpfs, which takes the right to mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE = b"\0" * 4096


class SmallDisk:
    """A file system of its own at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave not a byte of room."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(_PIECE)

    def empty(self) -> None:
        """Give back the room that `fill` took."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(path: Path, size: int) -> Iterator[SmallDisk]:
    """A disk of `size` bytes, mounted at a directory that is made for it.

    Raises:
        subprocess.CalledProcessError: we are not root, and sudo does not let us mount without a password.
    """
    path.mkdir(parents=True)
    mounting = () if os.geteuid() == 0 else ("sudo", "-n")
    options = f"size={size},uid={os.geteuid()},gid={os.getegid()},mode=0700"
    subprocess.run([*mounting, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a process that had to be killed may hold a file for a moment longer.
        subprocess.run([*mounting, "umount", "-l", str(path)], check=True)
