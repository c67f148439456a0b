"""Objects of a cluster by kind and name, as an administrator sees and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.controlplane.admin import Admin, ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json


class Objects:
    """One cluster, through the requests that kubectl would make."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Path of an object, or of a collection where no name is given."""
        plural, namespaced = self._resource(api_version, kind)
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        place = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return f"{root}{place}/{plural}" + (f"/{name}" if name else "")

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        try:
            found: Json = self.admin.get(self.path(api_version, kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return found

    def list(self, api_version: str, kind: str, namespace: str = "", *, selector: str = "") -> Sequence[Json]:
        """All objects of a kind."""
        query = f"?labelSelector={selector}" if selector else ""
        items: list[Json] = self.admin.get(self.path(api_version, kind, namespace) + query)["items"]
        return items

    def apply(self, *bodies: Json, manager: str = "kubectl") -> None:
        """Server-side apply of each, forced."""
        for body in bodies:
            metadata = body["metadata"]
            path = self.path(body["apiVersion"], body["kind"], metadata.get("namespace", ""), metadata["name"])
            self.admin.apply(path, body, manager=manager)

    def edit(
        self, api_version: str, kind: str, namespace: str, name: str, patch: Json, *, manager: str = "kubectl-edit"
    ) -> Any:
        """Change it as `kubectl edit` does."""
        return self.admin.merge(self.path(api_version, kind, namespace, name), patch, manager=manager)

    def delete(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        """Delete it."""
        self.admin.delete(self.path(api_version, kind, namespace, name))

    def namespace(self, *names: str) -> None:
        """Create namespaces."""
        self.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        known = self._plurals.get((api_version, kind))
        if known is None:
            root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            for resource in self.admin.get(root)["resources"]:
                if "/" not in resource["name"]:
                    self._plurals[api_version, resource["kind"]] = (resource["name"], resource["namespaced"])
            known = self._plurals[api_version, kind]
        return known
