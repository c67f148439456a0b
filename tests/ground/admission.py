"""A validating admission webhook on loopback: it denies, allows, or does not answer, as a test wants it."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

    from tests.controlplane import ControlPlane

NAME = "policy.sea.example.com"


class AdmissionWebhook:
    """Serves with the certificate of a control plane's own API server, which it is valid for (127.0.0.1).

    `deny` is what it says no with; empty: it allows. `status` is the HTTP status that a denial asks for.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.deny = ""
        self.status = 403
        self._plane = plane
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates = plane.directory / "certs"
        context.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="admission", daemon=True).start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def configuration(self, namespace: str) -> dict[str, Any]:
        """The object that has the API server ask it about ConfigMaps of a namespace."""
        bundle = base64.b64encode(self._plane.ca_file.read_bytes()).decode()
        port = self._server.server_address[1]
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"policy-{namespace}"},
            "webhooks": [
                {
                    "name": NAME,
                    "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": bundle},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": ["configmaps"],
                        }
                    ],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 2,
                }
            ],
        }


def _handler(webhook: AdmissionWebhook) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": not webhook.deny}
            if webhook.deny:
                answer["status"] = {"code": webhook.status, "message": webhook.deny}
            body = json.dumps(review | {"request": None, "response": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
