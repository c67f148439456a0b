"""Requests about our kinds, and about what stands beside them in the examples."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.base import Json
    from tests.controlplane import ControlPlane

PLURALS = {
    "Application": "applications",
    "Repository": "repositories",
    "Cluster": "clusters",
    "Secret": "secrets",
    "Namespace": "namespaces",
    "CustomResourceDefinition": "customresourcedefinitions",
}
CLUSTER_SCOPED = {"Cluster", "Namespace", "CustomResourceDefinition"}


class Refused(Exception):
    """The API server refused an object; `fields` are those it names as causes."""

    def __init__(self, status: Json) -> None:
        super().__init__(status["message"])
        self.message: str = status["message"]
        self.code: int = status["code"]
        self.fields = [cause.get("field", "") for cause in status.get("details", {}).get("causes", [])]


class Api:
    """An API server, as its administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.made: list[Json] = []
        self._tls = ssl.create_default_context(cafile=str(plane.ca_file))

    def collection(self, body: Json) -> str:
        """The path of the objects of this one's kind; of a CustomResourceDefinition, that of the kind it defines."""
        if body["kind"] == "CustomResourceDefinition":
            spec = body["spec"]
            return f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        return _collection(body)

    def served(self, path: str) -> bool:
        """Whether the path answers."""
        try:
            self.get(path)
        except Refused:
            return False
        return True

    def get(self, path: str, *, accept: str = "application/json") -> Json:
        """GET."""
        return self._request("GET", path, accept=accept)

    def apply(self, body: Json) -> Json:
        """Server-side apply of one object."""
        self.made.append(body)
        path = f"{_path(body)}?fieldManager=test&force=true&fieldValidation=Strict"
        return self._request("PATCH", path, body, content_type="application/apply-patch+yaml")

    def create(self, body: Json, *, dry_run: bool = False) -> Json:
        """Create it as kubectl does: an unknown field is an error."""
        self.made.append(body)
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._request("POST", _collection(body) + query, body)

    def clean(self) -> None:
        """Delete what was made here; definitions stay."""
        for body in self.made:
            if body["kind"] != "CustomResourceDefinition" and self.served(_path(body)):
                self._request("DELETE", _path(body))
        self.made.clear()

    def read(self, body: Json) -> Json:
        """The object as it stands."""
        return self.get(_path(body))

    def write_status(self, body: Json, status: Json) -> Json:
        """Merge a status as the controller does."""
        path = f"{_path(body)}/status?fieldValidation=Strict"
        return self._request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")

    def merge(self, body: Json, patch: Json) -> Json:
        """Merge a patch into the object itself."""
        return self._request("PATCH", _path(body), patch, content_type="application/merge-patch+json")

    def columns(self, path: str) -> Json:
        """The columns that `kubectl get -o wide` shows of the first object, by name."""
        table = self.get(path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        names = [column["name"] for column in table["columnDefinitions"]]
        return dict(zip(names, table["rows"][0]["cells"], strict=True))

    def _request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        request = urllib.request.Request(  # noqa: S310 - always https
            self._plane.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._plane.admin_token}",
                "Content-Type": content_type,
                "Accept": accept,
            },
        )
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:  # noqa: S310
                decoded: Json = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
            raise Refused(_status(text, error.code)) from error
        return decoded


def eventually(what: str, condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Poll a condition until it holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def _status(text: str, code: int) -> Json:
    """The Status of a refusal; a path that nothing serves is answered in plain text."""
    return json.loads(text) if text.startswith("{") else {"message": text.strip(), "code": code}


def _collection(body: Json) -> str:
    version, kind = body["apiVersion"], body["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if kind in CLUSTER_SCOPED:
        return f"{root}/{PLURALS[kind]}"
    return f"{root}/namespaces/{body['metadata']['namespace']}/{PLURALS[kind]}"


def _path(body: Json) -> str:
    return f"{_collection(body)}/{body['metadata']['name']}"
