"""A small HTTP server that redirects, and notes what it was sent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Redirector(ThreadingHTTPServer):
    """Asks for a login first when it is told to, then redirects to the same path below `target`."""

    daemon_threads = True

    def __init__(self, target: str, *, login: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.login = login
        self.authorizations: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Redirector

    def do_GET(self) -> None:
        authorization = self.headers.get("Authorization", "")
        if authorization:
            self.server.authorizations.append(authorization)
        if self.server.login and not authorization:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        elif self.server.target:
            self.send_response(302)
            self.send_header("Location", self.server.target + self.path)
        else:
            self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def redirecting(target: str = "", *, login: bool = False) -> Iterator[Redirector]:
    """A Redirector that runs; without a target it has nothing (404)."""
    server = Redirector(target, login=login)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
