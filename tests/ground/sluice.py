"""A TCP way to a server that can be made slow, or shut: what is on its way then waits, and no connection breaks."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType


class Sluice:
    """Forwards what comes to its own port; `delay` is what each piece of it takes, in seconds."""

    def __init__(self, url: str, *, delay: float = 0.0) -> None:
        place = urlsplit(url)
        self._target = (str(place.hostname), int(place.port or 0))
        self.delay = delay
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="sluice", daemon=True).start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.open()
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def shut(self) -> None:
        """Let nothing through any more."""
        self._open.clear()

    def open(self) -> None:
        """Let everything through that waited, and all else."""
        self._open.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                for side, other in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(side, other), name="sluice", daemon=True).start()

    def _forward(self, side: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := side.recv(1 << 16):
                time.sleep(self.delay)
                self._open.wait()
                other.sendall(data)
        for end in (side, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
