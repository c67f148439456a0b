"""A server on loopback that is everything but Git."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
SERVICE = b"001e# service=git-upload-pack\n0000"


class _Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    server: NoGitServer

    def do_GET(self) -> None:
        what = self.path.split("/")[1]
        if what == "silent":
            self.server.ended.wait()
        elif what == "elsewhere":
            self._answer(302, b"", Location=f"http://localhost:{self.server.server_address[1]}/page{self.path}")
        elif what == "circle":
            self._answer(302, b"", Location=self.path)
        elif what == "page":
            self._answer(200, b"<html>\n<p>welcome</p>\n</html>\n", **{"Content-Type": "text/html"})
        elif what == "garbage":
            self._answer(200, b"\0\xff" * 1000, **{"Content-Type": ADVERTISEMENT})
        elif what == "cut":
            self._answer(200, SERVICE + b"000eversion 2\n0099agent", **{"Content-Type": ADVERTISEMENT})
        elif what == "flood":
            self._flood()
        else:
            self._answer(int(what), b"no\n")

    def _flood(self) -> None:
        """Refs without end."""
        self.send_response(200)
        self.send_header("Content-Type", ADVERTISEMENT)
        self.end_headers()
        self.wfile.write(SERVICE)
        number = 0
        while not self.server.ended.is_set():
            line = b"%040x refs/heads/%d%s\n" % (number, number, b"\0version 1" if number == 0 else b"")
            self.wfile.write(b"%04x%s" % (len(line) + 4, line))
            number += 1

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class NoGitServer(ThreadingHTTPServer):
    """Serves no Git."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ended = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has enough goes away."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def no_git() -> Iterator[NoGitServer]:
    """Such a server, running."""
    server = NoGitServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
