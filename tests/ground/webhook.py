"""An admission webhook on loopback HTTPS, as an API server calls it."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.ground.git_tls import Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controller.model.base import Json


class AdmissionWebhook:
    """A webhook; `decide` is called on a thread of its own for every request."""

    def __init__(self, directory: Path, decide: Callable[[Json], Json]) -> None:
        authority = Authority(directory)
        self.calls = 0
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.calls += 1
                answer = {"uid": review["request"]["uid"], **decide(review["request"])}
                body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer})
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                """Nothing: the API server's log has it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = authority.context().wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook", daemon=True)
        self._certificate = authority.certificate

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def configuration(self, kind: str, name: str, namespaces: str, *resources: str) -> Json:
        """A Mutating- or ValidatingWebhookConfiguration for namespaces with the label `webhook: NAMESPACES`."""
        rule = {
            "apiGroups": ["*"],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": list(resources),
        }
        client = {
            "url": f"https://127.0.0.1:{self._server.server_address[1]}/",
            "caBundle": base64.b64encode(self._certificate.encode()).decode(),
        }
        webhook = {
            "name": f"{name}.test.example",
            "clientConfig": client,
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"webhook": namespaces}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 10,
        }
        metadata = {"name": name}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "webhooks": [webhook],
        }


def allowed(*patch: Json) -> Json:
    """Let it through, changed by a JSON patch."""
    if not patch:
        return {"allowed": True}
    encoded = base64.b64encode(json.dumps(list(patch)).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def denied(message: str) -> Json:
    """Refuse it with a message."""
    return {"allowed": False, "status": {"message": message, "code": 403}}
