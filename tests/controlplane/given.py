"""A cluster that the user gave: used in place of a control plane made here, and left as it was found."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.kube.access import from_kubeconfig_file
from controller.kube.cluster import open_cluster
from controller.kube.kubeconfig import Kubeconfig, parse
from controller.model.objects import ObjectId
from tests.controlplane.admin import Admin, ApiError
from tests.controlplane.kubeconfig import authority, write_kubeconfig
from tests.controlplane.plane import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.ports import Cluster

_LOGIN = "shipslog-tests"
_PLACE = "kube-system"
_RBAC = "rbac.authorization.k8s.io/v1"
_REQUESTS = 10
_SECONDS = 180.0
_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Kept by the cluster's own controllers, which make and remove them by themselves.
_THEIRS = frozenset({"componentstatuses", "endpoints", "endpointslices", "events", "ipaddresses", "leases", "nodes"})
# What would call out goes first; then owners, whose controllers would replace what they own.
_FIRST = (
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "mutatingadmissionpolicybindings",
    "validatingadmissionpolicybindings",
    "cronjobs",
    "deployments",
    "statefulsets",
    "daemonsets",
    "jobs",
    "replicasets",
    "replicationcontrollers",
)
_LAST = ("namespaces", "customresourcedefinitions")


class GivenCluster:
    """The cluster of a kubeconfig's current context, with the attributes of `ControlPlane`.

    It is asked through a ServiceAccount of our own (cluster-admin, in kube-system), made by `take` and removed by
    `stop`: whatever way in the user's kubeconfig has, the tests have a token. `reset` removes what was made since then
    through the API, and does not undo changes to what was there before.
    """

    def __init__(self, name: str, directory: Path, url: str, admin_token: str, found_by: str) -> None:
        self.name = name
        self._found_by = Path(found_by)
        self.directory = directory
        self.url = url
        self.admin_token = admin_token
        self.ca_file = directory / "ca.crt"
        self.kubeconfig = directory / "kubeconfig"
        self.admin = Admin(url, admin_token, self.ca_file)
        self._pristine = directory / "found.json"

    @classmethod
    def take(cls, name: str, root: Path, kubeconfig: Path) -> GivenCluster:
        """Begin to use it; its state of now is what `reset` comes back to.

        Raises:
            ControlPlaneError: it can't be reached so, or the user may not make an administrator there.
        """
        directory = root.resolve() / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o700)
        config = parse(kubeconfig.read_bytes())
        url, bearer = config.server, asyncio.run(_log_in(kubeconfig))
        (directory / "ca.crt").write_bytes(_authority(config, kubeconfig.parent))
        given = {"url": url, "admin_token": bearer, "found_by": str(kubeconfig.resolve())}
        (directory / "given.json").touch(mode=0o600)
        (directory / "given.json").write_text(json.dumps(given), encoding="utf-8")
        taken = cls(name, directory, **given)
        write_kubeconfig(taken.kubeconfig, name=name, server=url, ca=authority(taken.ca_file), user={"token": bearer})
        taken.remember()
        return taken

    @classmethod
    def attach(cls, name: str, root: Path) -> GivenCluster | None:
        """One that was taken by another process and not given back; None when there is none."""
        directory = root.resolve() / name
        if not (directory / "found.json").exists():
            return None
        return cls(name, directory, **json.loads((directory / "given.json").read_text(encoding="utf-8")))

    def remember(self) -> None:
        """Have `reset` come back to what is there now."""
        self._pristine.write_text(json.dumps([item["metadata"]["uid"] for _, item in self._all()]), encoding="utf-8")

    def reset(self) -> None:
        """Remove every object that was made since, finalizers notwithstanding.

        Raises:
            TimeoutError: something goes on making objects.
        """
        deadline = time.monotonic() + _SECONDS
        while foreign := self._foreign():
            for path in foreign:
                self._remove(path)
            if time.monotonic() > deadline:
                raise TimeoutError(f"cluster {self.name} does not become as it was: {', '.join(foreign[:5])} come back")
            time.sleep(0.2)

    def stop(self) -> None:
        """Give it back as it was found."""
        self.reset()
        asyncio.run(_log_out(self._found_by))
        shutil.rmtree(self.directory)

    def _foreign(self) -> list[str]:
        """Paths of what was not there, in the order in which it goes."""
        found = set(json.loads(self._pristine.read_text(encoding="utf-8")))
        paths = [path for path, item in self._all() if item["metadata"]["uid"] not in found]
        return sorted(paths, key=lambda path: (_rank(path.rsplit("/", 2)[-2]), path))

    def _remove(self, path: str) -> None:
        try:
            body = self.admin.get(path)
            if body["metadata"].get("finalizers"):
                self.admin.merge(path, {"metadata": {"finalizers": None}})
            if "deletionTimestamp" not in body["metadata"]:
                self.admin.delete(path)
        except ApiError as error:
            if error.status not in {404, 409, 422, 429, 500}:  # gone, or changing under us: the next look decides
                raise

    def _all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every object by its path, metadata only."""
        for root, resource in self._resources():
            for item in self._list(f"{root}/{resource['name']}"):
                metadata = item["metadata"]
                place = f"/namespaces/{metadata['namespace']}" if resource["namespaced"] else ""
                yield f"{root}{place}/{resource['name']}/{metadata['name']}", item

    def _list(self, path: str) -> list[dict[str, Any]]:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                return self.admin.get(path, accept=_LIST)["items"] or []
            except ApiError as error:
                if error.status in {403, 404, 405}:  # not for people, or gone since
                    return []
                if error.status != HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)  # a kind that was only just defined

    def _resources(self) -> Iterator[tuple[str, dict[str, Any]]]:
        groups = self.admin.get("/apis")["groups"]
        for root in ("/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)):
            try:
                resources = self.admin.get(root)["resources"]
            except ApiError as error:
                if error.status not in {404, 503}:  # a CRD that goes, an aggregated API that is away
                    raise
                continue
            for resource in resources:
                if {"list", "delete"} <= set(resource["verbs"]) and resource["name"] not in _THEIRS:
                    yield root, resource


def _rank(plural: str) -> int:
    if plural in _FIRST:
        return _FIRST.index(plural)
    return len(_FIRST) + (1 + _LAST.index(plural) if plural in _LAST else 0)


def _authority(config: Kubeconfig, base: Path) -> bytes:
    held = config.data(config.cluster, "certificate-authority", config.cluster_at)
    return held or (base / config.text(config.cluster, "certificate-authority", config.cluster_at)).read_bytes()


async def _log_in(kubeconfig: Path) -> str:
    """A token of an administrator of the user's cluster."""
    client = open_cluster("given", await from_kubeconfig_file(kubeconfig), _REQUESTS)
    try:
        return await _token(client)
    finally:
        await client.close()


async def _token(client: Cluster) -> str:
    metadata = {"name": _LOGIN, "namespace": _PLACE}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    binding = {
        "apiVersion": _RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _LOGIN},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": metadata | {"annotations": {"kubernetes.io/service-account.name": _LOGIN}},
    }
    for body in (account, binding, secret):
        applied = await client.apply(body, manager="ground")
    deadline = time.monotonic() + 30
    while not applied.get("data", {}).get("token"):
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"no token for the ServiceAccount {_PLACE}/{_LOGIN} within 30 s")
        await asyncio.sleep(0.1)
        applied = await client.apply(secret, manager="ground")
    return base64.b64decode(applied["data"]["token"]).decode()


async def _log_out(kubeconfig: Path) -> None:
    """Remove what `_token` made, as the user: with the token goes its own right to do so."""
    client = open_cluster("given", await from_kubeconfig_file(kubeconfig), _REQUESTS)
    try:
        await client.delete(ObjectId("rbac.authorization.k8s.io", "ClusterRoleBinding", "", _LOGIN), _RBAC)
        await client.delete(ObjectId("", "Secret", _PLACE, _LOGIN), "v1")
        await client.delete(ObjectId("", "ServiceAccount", _PLACE, _LOGIN), "v1")
    finally:
        await client.close()
