"""A way to an API server on which single requests can be refused, lost, or counted, as a test wants it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from types import TracebackType

    from controller.model.base import Json
    from tests.controlplane import ControlPlane

PIECE = 1 << 16


@dataclass(frozen=True)
class Fault:
    """What becomes of a request: another answer, or what the server did comes late, in part or not at all.

    Attributes:
        lost: The server does what was asked, and nobody hears of it.
        delay: Seconds before the request is passed on, and answered as usual.
        cut: Bytes of the server's answer after which the connection breaks.
    """

    status: int = 500
    reason: str = "InternalError"
    message: str = "made to fail"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    delay: float = 0.0
    cut: int | None = None

    @property
    def answered(self) -> bool:
        """Whether the answer is this one instead of the server's."""
        return not (self.lost or self.delay or self.cut is not None)

    @property
    def body(self) -> bytes:
        """The answer as a metav1.Status."""
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }
        return json.dumps(status).encode()


Rule = Callable[[str, str], "Fault | None"]
"""Whether a request (method, path with query) fails, and how."""


class FaultyWay:
    """Forwards requests to a control plane's API server, with that server's own certificate (valid for 127.0.0.1)."""

    def __init__(self, plane: ControlPlane) -> None:
        self.rule: Rule = lambda _method, _path: None
        self.seen: list[tuple[float, str, str]] = []
        """Every request: when (monotonic), method, path with query."""
        self.open: set[socket.socket] = set()
        self._plane = plane
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, plane))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates = plane.directory / "certs"
        context.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="faulty way", daemon=True).start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.shutdown()
        for sock in list(self.open):  # watches have no end of their own
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        eventually(lambda: not self.open, "all requests have ended", seconds=10)
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def kubeconfig(self) -> str:
        """The administrator's kubeconfig, by this way."""
        here = f"https://127.0.0.1:{self.port}"
        return self._plane.kubeconfig.read_text(encoding="utf-8").replace(self._plane.url, here)

    def writes(self, name: str) -> list[float]:
        """When an object of this name was asked to be applied for real."""
        return [at for at, method, path in self.seen if is_write(method, path) and f"/{name}?" in path]


def is_write(method: str, path: str) -> bool:
    """Whether a request is an apply that is no dry run."""
    return method == "PATCH" and "dryRun" not in path


def _refuse(handler: http.server.BaseHTTPRequestHandler, fault: Fault) -> None:
    handler.send_response(fault.status)
    for name, value in fault.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(fault.body)


def _handler(way: FaultyWay, plane: ControlPlane) -> type[http.server.BaseHTTPRequestHandler]:
    target = urlsplit(plane.url)
    trust = ssl.create_default_context(cafile=str(plane.ca_file))

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (OSError, http.client.HTTPException):
                self.close_connection = True  # one of both sides is gone

        def _serve(self) -> None:
            way.seen.append((time.monotonic(), self.command, self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = way.rule(self.command, self.path)
            if fault and fault.answered:
                _refuse(self, fault)
                return
            time.sleep(fault.delay if fault else 0)
            headers = {name: value for name, value in self.headers.items() if name not in {"Host", "Accept-Encoding"}}
            far = http.client.HTTPSConnection(target.hostname or "", target.port, context=trust)
            try:
                far.request(self.command, self.path, body or None, headers)
                way.open.add(far.sock)
                with far.getresponse() as answer:
                    if not (fault and fault.lost):
                        self._pass(answer, fault.cut if fault else None)
            finally:
                way.open.discard(far.sock)
                far.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

        def _pass(self, answer: http.client.HTTPResponse, cut: int | None) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type", "application/json"))
            self.end_headers()
            if cut is not None:
                self.wfile.write(answer.read(cut))
                return
            while piece := answer.read1(PIECE):
                self.wfile.write(piece)
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
