"""Files in memory for programs that take keys and certificates by path only: on no disk, gone with their holder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class MemoryFiles:
    """Anonymous files (memfd_create(2)), open until the end of a `with` block.

    Our child processes find them below our entry in /proc, as nobody but our own user may.
    """

    def __init__(self) -> None:
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def add(self, name: str, content: str, *, program: bool = False) -> str:
        """Make a file with this content; its path. `program`: it may be executed."""
        descriptor = os.memfd_create(name)  # not inherited
        self._descriptors.append(descriptor)
        os.fchmod(descriptor, 0o700 if program else 0o600)
        data = memoryview(content.encode())
        while data:
            data = data[os.write(descriptor, data) :]
        return f"/proc/{os.getpid()}/fd/{descriptor}"
