"""A real control plane: etcd, API server, controller manager, scheduler, and KWOK in place of kubelets."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.controlplane import keyspace
from tests.controlplane.admin import Admin, ApiError
from tests.controlplane.components import Ports, components
from tests.controlplane.kubeconfig import authority, write_kubeconfig
from tests.ground.processes import ProcessFailed, ProcessGroup, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_READY_SECONDS = 90.0
_RELEASE_SECONDS = 10.0
_RELEASED_AT_ONCE = 8
_TRIES = 3
_NODES = ("kwok-0", "kwok-1")
_SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class ControlPlaneError(RuntimeError):
    """A control plane could not be started, or did not become ready."""


@dataclass(frozen=True)
class _Identity:
    """What another process needs to know of a running control plane."""

    name: str
    url: str
    etcd: str
    admin_token: str


class ControlPlane:
    """One control plane under `directory`; see `start`.

    Attributes:
        name: Its name, and that of its directory under the root.
        directory: Everything it writes: logs, certificates, data.
        url: `https://127.0.0.1:PORT`.
        admin_token: Bearer token of a member of system:masters.
        ca_file: PEM file that the API server's certificate verifies against.
        kubeconfig: The administrator's, with the authority embedded.
        admin: Plain requests as the administrator.
    """

    def __init__(self, directory: Path, identity: _Identity, group: ProcessGroup) -> None:
        self.directory = directory
        self.name = identity.name
        self.url = identity.url
        self.admin_token = identity.admin_token
        self.ca_file = directory / "certs" / "apiserver.crt"
        self.kubeconfig = directory / "kubeconfig"
        self._group = group
        self._keys = keyspace.Keyspace(identity.etcd)
        self._admin: Admin | None = None

    @classmethod
    def start(cls, name: str, root: Path, *, binaries: Path, detached: bool = False) -> ControlPlane:
        """Start an empty control plane in `root/name` and wait until it is ready.

        Unless detached it ends with this process, however this process ends; what a killed run left in the same
        directory is ended and removed first.

        Args:
            name: Of the control plane: a name for a directory.
            root: Where control planes live.
            binaries: Where `tests/controlplane/build.sh` put kube and kwok.
            detached: Keep it running when this process ends.

        Raises:
            ControlPlaneError: a binary is missing, or it did not become ready; with the failing component's log.
            AlreadyRunning: one of this name runs there.
        """
        return start_all([name], root, binaries=binaries, detached=detached)[0]

    @classmethod
    def attach(cls, name: str, root: Path) -> ControlPlane | None:
        """The running and ready control plane of this name; None when there is none."""
        directory = root.resolve() / name
        group = ProcessGroup.attach(directory)
        if group is None or not (directory / "pristine.json").exists():
            return None
        identity = _Identity(**json.loads((directory / "plane.json").read_text(encoding="utf-8")))
        return cls(directory, identity, group)

    @property
    def admin(self) -> Admin:
        """Requests as the administrator."""
        if self._admin is None:
            self._admin = Admin(self.url, self.admin_token, self.ca_file)
        return self._admin

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by component."""
        return self._group.pids

    def reset(self) -> None:
        """Remove every object that was made since the start, and undo changes to those that were there.

        Nothing is restarted and nothing is asked of finalizers or webhooks: see `tests.controlplane.keyspace`. Node
        objects are put back as they were.

        Raises:
            TimeoutError: something goes on writing into it: stop it first.
        """
        path = self.directory / "pristine.json"
        keyspace.save(path, self._keys.restore(keyspace.load(path), self._release))
        expected = json.loads((self.directory / "discovery.json").read_text(encoding="utf-8"))
        self._wait("API groups of the tests to go", lambda: self._discovery() == expected)

    def stop(self) -> None:
        """End all of its processes and wait until they are gone."""
        self._group.stop()

    def _release(self, services: list[str]) -> None:
        """Delete Services by the API: an address whose Service vanished below it is looked for again and again."""
        with ThreadPoolExecutor(_RELEASED_AT_ONCE) as pool:
            for _ in pool.map(self._release_one, services):
                pass

    def _release_one(self, service: str) -> None:
        deadline = time.monotonic() + _RELEASE_SECONDS
        namespace, name = service.split("/")
        while True:
            try:
                self.admin.delete(f"/api/v1/namespaces/{namespace}/services/{name}")
            except ApiError as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return
                # A webhook that is just gone is asked until the API server has seen that it is.
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Service {service} can't be deleted: {error}") from error
                time.sleep(0.05)
            else:
                return

    def _become_ready(self) -> None:
        self._group.await_running(_READY_SECONDS)
        self._wait("the API server", lambda: self.admin.get("/readyz") == "ok")
        write_kubeconfig(
            self.kubeconfig,
            name=self.name,
            server=self.url,
            ca=authority(self.ca_file),
            user={"token": self.admin_token},
        )
        for node in _NODES:
            self.admin.create("/api/v1/nodes", _node(node))
        self.admin.create("/apis/storage.k8s.io/v1/storageclasses", _STORAGE_CLASS)
        self._wait("Nodes to be Ready", self._nodes_ready)
        for namespace in _SYSTEM_NAMESPACES:
            self._wait_for(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
            self._wait_for(f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt")
        self.remember()

    def remember(self) -> None:
        """Have `reset` come back to what is there now, once nothing moves any more."""
        before: set[bytes] = set()
        while (now := set(self._keys.entries())) != before:
            before = now
            time.sleep(0.1)
        (self.directory / "discovery.json").write_text(json.dumps(self._discovery()), encoding="utf-8")
        keyspace.save(self.directory / "pristine.json", self._keys.entries(values=True))

    def _nodes_ready(self) -> bool:
        nodes = self.admin.get("/api/v1/nodes")["items"]
        conditions = [c for node in nodes for c in node.get("status", {}).get("conditions", [])]
        # A taint would keep Pods away until the controller manager has seen the condition.
        untainted = not any(node["spec"].get("taints") for node in nodes)
        return untainted and sum(c["type"] == "Ready" and c["status"] == "True" for c in conditions) == len(_NODES)

    def _discovery(self) -> list[str]:
        groups = self.admin.get("/apis", accept=_DISCOVERY)["items"]
        return sorted(
            f"{group['metadata']['name']}/{version['version']}/{resource['resource']}"
            for group in groups
            for version in group["versions"]
            for resource in version["resources"]
        )

    def _wait_for(self, path: str) -> None:
        self._wait(path, lambda: bool(self.admin.get(path)))

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Poll a condition; a refused or failed request counts as not yet."""
        deadline = time.monotonic() + _READY_SECONDS
        last: Exception | None = None
        while True:
            try:
                if condition():
                    return
            except (ApiError, OSError) as error:
                last = error
            self._group.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"  {log.name}:\n{tail(log, 5)}" for log in sorted(self.directory.glob("*.log")))
                raise ControlPlaneError(
                    f"control plane {self.name}: waited {_READY_SECONDS:g} s for {what} ({last}); the logs end:\n{logs}"
                )
            time.sleep(0.03)


def start_all(names: Sequence[str], root: Path, *, binaries: Path, detached: bool = False) -> list[ControlPlane]:
    """Start several control planes at once; see `ControlPlane.start`. When one fails, none is left running."""
    pending = list(names)
    started: dict[str, ControlPlane] = {}
    try:
        for attempt in range(_TRIES):
            for name in pending:
                started[name] = _launch(name, root.resolve(), binaries.resolve(), detached=detached)
            pending = [name for name in pending if not _ready(started[name], last=attempt == _TRIES - 1)]
            if not pending:
                break
    except BaseException:
        for plane in started.values():
            plane.stop()
        raise
    return [started[name] for name in names]


def _ready(plane: ControlPlane, *, last: bool) -> bool:
    """Wait for it; False when it lost the race for a port and is to be started again."""
    try:
        plane._become_ready()
    except ProcessFailed as failure:
        plane.stop()
        if last or "address already in use" not in str(failure):
            raise ControlPlaneError(f"control plane {plane.name}: {failure}") from failure
        return False
    return True


def _launch(name: str, root: Path, binaries: Path, *, detached: bool) -> ControlPlane:
    for binary in ("kube", "kwok"):
        if not (binaries / binary).exists():
            raise ControlPlaneError(f"no {binaries / binary}: run tests/controlplane/build.sh {binaries}")
    directory = root / name
    ProcessGroup.reap(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    subprocess.run(
        [str(binaries / "kube"), "service-account-key", str(directory / "service-account.key")], check=True, timeout=60
    )
    ports = Ports.pick()
    identity = _Identity(
        name=name,
        url=f"https://127.0.0.1:{ports.api}",
        etcd=f"http://127.0.0.1:{ports.etcd}",
        admin_token=secrets.token_urlsafe(24),
    )
    (directory / "tokens.csv").write_text(f'{identity.admin_token},admin,admin,"system:masters"\n', encoding="utf-8")
    (directory / "plane.json").write_text(json.dumps(identity.__dict__), encoding="utf-8")
    write_kubeconfig(  # by path: the API server makes the certificate when it starts
        directory / "kubeconfig",
        name=name,
        server=identity.url,
        ca={"certificate-authority": str(directory / "certs" / "apiserver.crt")},
        user={"token": identity.admin_token},
    )
    group = ProcessGroup.launch(directory, components(directory, ports, binaries), detached=detached)
    return ControlPlane(directory, identity, group)


def _node(name: str) -> dict[str, Any]:
    room = {"cpu": "256", "memory": "1Ti", "pods": "10000", "ephemeral-storage": "1Ti"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "status": {"capacity": room, "allocatable": room},
    }


# The class that KWOK's volume stages serve: a claim without a class of its own is bound at once.
_STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "kwok-volume",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kwok.x-k8s.io/volume",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
}
