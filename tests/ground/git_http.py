"""Git's smart HTTP by the real `git http-backend`: a bridge from `http.server` to its CGI (RFC 3875).

Bodies are streamed both ways, so packs of any size pass; git sends large requests chunked, and gzips some.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import re
import socket
import subprocess
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.ground.git_repository import CREDENTIALS, environment

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 64 * 1024
_ROUTE = re.compile(r"/(?P<repository>[\w.\-/]+\.git)/(?P<service>info/refs|git-upload-pack|git-receive-pack)")


class Faults:
    """What goes wrong on purpose."""

    def __init__(self) -> None:
        self.stall_after: int | None = None
        """Bytes of an answer's body after which it hangs; None: it does not."""
        self.released = threading.Event()


class GitHttpServer(ThreadingHTTPServer):
    """Serves the bare repositories below a directory; counts requests by repository and kind."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        root: Path,
        requests: Counter[tuple[str, str]],
        faults: Faults,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._tls = tls
        self.root = root
        self.requests = requests
        self.faults = faults
        self.lock = threading.Lock()
        self.backends: set[subprocess.Popen[bytes]] = set()
        self._connections: dict[socket.socket, threading.Thread] = {}

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection in its thread, known while it is open."""
        with self.lock:
            self._connections[request] = threading.current_thread()
        try:
            if self._tls is None:
                super().process_request_thread(request, client_address)
                return
            secured = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            try:
                secured.do_handshake()
            except OSError:
                _refuse_politely(secured)
            else:
                super().process_request_thread(secured, client_address)
        finally:
            with self.lock:
                self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is printed as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Stop accepting, cut every connection, end every backend, and wait for their threads."""
        self.shutdown()
        self.server_close()
        with self.lock:
            connections, backends = dict(self._connections), set(self.backends)
        for connection in connections:
            with contextlib.suppress(OSError):  # it was closed in between
                connection.shutdown(socket.SHUT_RDWR)
        for backend in backends:
            backend.kill()
        self.faults.released.set()  # last: what hung finds its client gone
        for thread in connections.values():
            thread.join(5)


def _refuse_politely(secured: ssl.SSLSocket) -> None:
    """Read what the client still sends: closed before, it would get a reset instead of the alert that tells it why."""
    with contextlib.suppress(OSError), socket.socket(fileno=secured.detach()) as connection:
        connection.settimeout(2)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_BLOCK):
            pass


class _Handler(BaseHTTPRequestHandler):
    server: GitHttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Nothing: tests count requests instead."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        route = _ROUTE.fullmatch(unquote(parts.path))
        directory = self.server.root / route["repository"] if route else None
        if route is None or directory is None or ".." in route["repository"] or not directory.is_dir():
            self._refuse(404)
        elif not self._authorised(directory):
            self._refuse(401)
        else:
            self._bridge(route["repository"], route["service"], parts.query)

    def _authorised(self, directory: Path) -> bool:
        path = directory / CREDENTIALS
        if not path.exists():
            return True
        asked = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(asked, str):
            wanted = f"Bearer {asked}"
        else:
            wanted = "Basic " + base64.b64encode(":".join(asked).encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", ""), wanted)

    def _refuse(self, status: int) -> None:
        self.close_connection = True  # there may be a body that nobody reads
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self._count("refused" if status == 401 else "not found", "")

    def _bridge(self, repository: str, service: str, query: str) -> None:
        backend = subprocess.Popen(
            ["git", "http-backend"],
            env=self._cgi(repository, service, query),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert backend.stdin is not None
        assert backend.stdout is not None
        with self.server.lock:
            self.server.backends.add(backend)
        # In a thread of its own: a backend may answer before it has read everything.
        feeder = threading.Thread(target=self._feed, args=(backend.stdin, repository, service, query), daemon=True)
        feeder.start()
        try:
            self._answer(backend.stdout)
        except BaseException:
            self.close_connection = True
            backend.kill()
            raise
        finally:
            backend.stdout.close()
            backend.wait()
            feeder.join(5)
            # A body that was not read to its end would be taken for the next request.
            self.close_connection = self.close_connection or feeder.is_alive()
            with self.server.lock:
                self.server.backends.discard(backend)

    def _cgi(self, repository: str, service: str, query: str) -> dict[str, str]:
        variables = {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": f"/{repository}/{service}",
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        if length := self.headers.get("Content-Length"):  # without it the backend reads to the end
            variables["CONTENT_LENGTH"] = length
        return environment(**variables)

    def _feed(self, stdin: IO[bytes], repository: str, service: str, query: str) -> None:
        blocks = self._body()
        first = next(blocks, b"")
        self._count(self._kind(service, query, first), repository)
        try:
            with stdin:
                stdin.write(first)
                for block in blocks:
                    stdin.write(block)
        except OSError:
            self.close_connection = True  # the backend is gone, or the client

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (block := self.rfile.read(min(left, _BLOCK))):
            left -= len(block)
            yield block

    def _kind(self, service: str, query: str, first: bytes) -> str:
        """`info/refs`, `ls-refs`, `fetch` or `receive-pack` (and `info/refs receive` before a push).

        Protocol 2 asks for refs and objects at the same address: the command stands in the first line.
        """
        if service == "info/refs":
            pushing = parse_qs(query).get("service") == ["git-receive-pack"]
            return "info/refs receive" if pushing else "info/refs"
        if service == "git-receive-pack":
            return "receive-pack"
        if self.headers.get("Content-Encoding") == "gzip":
            first = zlib.decompressobj(wbits=31).decompress(first, 64)
        return "ls-refs" if b"command=ls-refs" in first[:64] else "fetch"

    def _count(self, kind: str, repository: str) -> None:
        with self.server.lock:
            self.server.requests[repository.removesuffix(".git"), kind] += 1

    def _answer(self, stdout: IO[bytes]) -> None:
        status, headers = 200, []
        while line := stdout.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while block := stdout.read1(_BLOCK):  # type: ignore[attr-defined] # a pipe is a BufferedReader
            sent = self._send(block, sent)
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, block: bytes, sent: int) -> int:
        limit = self.server.faults.stall_after
        if limit is not None and sent + len(block) > limit:
            block, rest = block[: limit - sent], block[limit - sent :]
            self._chunk(block)
            self.server.faults.released.wait()
            self._chunk(rest)
            return sent + len(block) + len(rest)
        self._chunk(block)
        return sent + len(block)

    def _chunk(self, block: bytes) -> None:
        if block:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.flush()
