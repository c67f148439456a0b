"""The few requests that the ground itself makes to an API server, by the standard library alone."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class ApiError(RuntimeError):
    """The API server refused; `status` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: {status}: {body[:500]}")
        self.status = status


class Admin:
    """One API server, as the user of this token. Methods return decoded JSON and raise `ApiError` or `OSError`."""

    def __init__(self, url: str, bearer: str, ca_file: Path) -> None:
        self._url = url
        self._bearer = bearer
        self._tls = ssl.create_default_context(cafile=str(ca_file))

    def get(self, path: str, *, accept: str = "application/json") -> Any:
        """GET."""
        return self.request("GET", path, accept=accept)

    def create(self, path: str, body: dict[str, Any]) -> Any:
        """POST."""
        return self.request("POST", path, body)

    def apply(self, path: str, body: dict[str, Any], *, manager: str = "ground") -> Any:
        """Server-side apply, forced."""
        query = f"?fieldManager={manager}&force=true"
        return self.request("PATCH", path + query, body, content_type="application/apply-patch+yaml")

    def merge(self, path: str, body: dict[str, Any], *, manager: str = "kubectl-edit") -> Any:
        """JSON merge patch, as `kubectl edit` sends it."""
        return self.request(
            "PATCH", f"{path}?fieldManager={manager}", body, content_type="application/merge-patch+json"
        )

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """Any request; a body is sent as JSON."""
        return _decoded(self._request(method, path, body, content_type, accept))

    def watch(self, path: str, since: str, seconds: int) -> list[dict[str, Any]]:
        """The events of a list that come after a resource version, within so many seconds."""
        query = f"?watch=true&resourceVersion={since}&timeoutSeconds={seconds}"
        lines = self._request("GET", path + query, None, "application/json", "application/json").splitlines()
        return [json.loads(line) for line in lines]

    def _request(self, method: str, path: str, body: dict[str, Any] | None, content_type: str, accept: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - always https
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._bearer}", "Content-Type": content_type, "Accept": accept},
        )
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:  # noqa: S310
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ApiError(method, path, error.code, text) from error
        return content


def _decoded(content: bytes) -> Any:
    return json.loads(content) if content[:1] in (b"{", b"[") else content.decode()
