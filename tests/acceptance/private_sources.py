"""Canaries in the logins of Repositories, and in the Secrets whose values are filled into what is rendered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.git_ssh import SshServer, make_key, tools_on_path
from tests.ground.ports import free_ports
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.ground.world import World

FILES = {
    "filled/all.json": json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "filled"}, "data": {"a": "${filled}"}},
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "filled"},
                    "stringData": {"a": "${filled}"},
                },
            ],
        }
    ),
    "misfilled/all.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: misfilled}\n"
    "spec:\n  ports:\n  - port: ${misfilled}\n  clusterIP: ${misfilled}\n",
}
"""What is in Git, by Application."""
APPLICATIONS = ("filled", "misfilled")
_CANARIES = {
    name: f"canary-of-{name.replace(' ', '-')}"
    for name in ("filled", "misfilled", "filled by hand", "bearer token", "proxy password", "SSH passphrase")
}


class PrivateSources:
    """Repositories that can't be read, whatever their Secrets say, and Applications that a Secret fills."""

    def __init__(self, world: World) -> None:
        tools_on_path()
        self.world = world
        self.ssh = SshServer(world.git.root, world.directory / "sshd")
        key = world.directory / "key"
        make_key(key, passphrase=_CANARIES["SSH passphrase"])
        self.key = key.read_text(encoding="utf-8")
        self.canaries = _CANARIES | {"SSH key": self.key.splitlines()[2]}
        """Each by its name."""

    def prepare(self) -> None:
        """Everything but what is in Git; before the controller starts."""
        self.ssh.start()
        world = self.world
        bare = world.git.create(f"{world.directory.name}-private", credentials=("git", "another-one"))
        self._repository("tokened", bare.url, bearerToken=_CANARIES["bearer token"])
        url = self.ssh.url(f"{world.directory.name}-private")
        login = {"identity": self.key, "known_hosts": self.ssh.known_hosts, "password": _CANARIES["SSH passphrase"]}
        self._repository("keyed", url, None, **login)
        address = f"http://127.0.0.1:{free_ports(1)[0]}"
        self._secret("proxy", address=address, username="git", password=_CANARIES["proxy password"])
        self._repository("proxied", bare.url, {"proxySecretRef": {"name": "proxy"}}, username="git", password="a")
        self._secret("words", **{name: _CANARIES[name] for name in APPLICATIONS})
        world.objects.namespace(*APPLICATIONS)

    def sail(self) -> None:
        """Look at all of it, and change by hand what was filled in."""
        world = self.world
        filling = {"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "words"}]}}
        for name in APPLICATIONS:
            world.application(name, path=name, source=filling, sync={"selfHeal": False})
        for name in ("tokened", "keyed", "proxied"):
            eventually(lambda name=name: self._told(name, "Repository"), f"{name} can't be read", seconds=60)  # type: ignore[misc]
        world.await_ready("filled", seconds=60)
        eventually(lambda: self._told("misfilled", "Application"), "misfilled fails", seconds=60)
        by_hand = {"data": {"a": _CANARIES["filled by hand"]}}
        world.objects.edit("v1", "ConfigMap", "filled", "filled", by_hand)
        eventually(lambda: world.status("filled").get("drift"), "the drift is told")

    def end(self) -> None:
        """Stop what was started."""
        self.ssh.stop()

    def _told(self, name: str, kind: str) -> bool:
        ready = self.world.condition(name, "Ready", kind)
        unread = kind == "Application" and ready.get("message", "").startswith("Repository")  # it will be read in time
        return ready.get("status") == "False" and not unread

    def _repository(self, name: str, url: str, more: Json | None = None, /, **login: str) -> None:
        self._secret(f"{name}-login", **login)
        metadata = {"name": name, "namespace": TEAM}
        spec = {"url": url, "interval": "1s", "secretRef": {"name": f"{name}-login"}} | (more or {})
        body = {"apiVersion": API_VERSION, "kind": "Repository", "metadata": metadata, "spec": spec}
        self.world.objects.apply(body)

    def _secret(self, name: str, **data: str) -> None:
        metadata = {"name": name, "namespace": TEAM}
        self.world.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
