"""What docs/how-to/private-repositories.md says to write and to run: each Repository of it becomes ready."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docs.generator.artifacts import ROOT
from tests.ground.eventually import eventually
from tests.ground.git_proxy import TunnelProxy
from tests.ground.git_server import GitServer
from tests.ground.git_signing import Signer
from tests.ground.git_ssh import SshServer, tools_on_path
from tests.ground.git_tls import Authority
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

PAGE = (ROOT / "docs" / "how-to" / "private-repositories.md").read_text(encoding="utf-8")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def _run(commands: str, directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture(autouse=True)
def _tools() -> None:
    """Before any controller starts: it runs ssh and ssh-keygen."""
    tools_on_path()


def test_every_repository_of_the_page_becomes_ready(world: World, controller: ControllerProcess) -> None:
    """Its manifests with real values in them, and its commands with the name of a real server."""
    del controller
    directory = world.directory
    authority = Authority(directory / "authority")
    tokened = GitServer(directory / "tokened", tls=authority.context()).start()
    mutual = GitServer(directory / "mutual", tls=authority.context(clients=True)).start()
    ssh, proxy = SshServer(tokened.root, directory / "sshd").start(), TunnelProxy().start()
    try:
        alice = Signer.ssh("alice", directory / "alice")
        signed = tokened.create("signed").worktree(directory / "signed-work")
        alice.commit(signed, {"a.yaml": MAP}, "Signed")
        bare = tokened.create("shop")
        bare.worktree(directory / "work").publish({"a.yaml": MAP}, "First")
        bare.ask_for("the-t0ken")
        # Its authority is trusted by nobody else; a client without a certificate is let in by nobody.
        shutil.copytree(tokened.root / "signed.git", mutual.root / "shop.git")
        (commands,) = _blocks("sh")
        fingerprint = _run(commands.replace("git.example.com", f"-p {ssh.port} 127.0.0.1"), directory)
        assert f"[127.0.0.1]:{ssh.port} (ED25519)" in fingerprint
        ssh.authorize((directory / "deploy-key.pub").read_text(encoding="utf-8").strip())
        certificate, key = authority.issue("reader").texts
        values = {
            "THE_TOKEN": "the-t0ken",
            "THE_AUTHORITY": authority.certificate,
            "THE_CERTIFICATE": certificate,
            "THE_KEY": key,
            "THE_PRIVATE_KEY": (directory / "deploy-key").read_text(encoding="utf-8"),
            "THE_HOST_KEY": (directory / "known_hosts").read_text(encoding="utf-8"),
            "THE_PUBLIC_KEY": alice.public,
            "http://proxy.example.com:3128": proxy.url,
        }
        urls = {
            "shop-by-token": bare.url,
            "shop-by-certificate": f"{mutual.url}/shop.git",
            "shop-by-proxy": bare.url,
            "shop-by-ssh": ssh.url("shop"),
        }
        _apply(world, values, urls, authority)

        for name in urls:
            ready = eventually(lambda name=name: _said(world, name), f"{name} says something", seconds=40)  # type: ignore[misc]
            assert ready["status"] == "True", (name, ready)
            assert world.status(name, "Repository")["refs"] == 1
        assert proxy.tunnels > 0
        world.objects.namespace("shop")
        world.application("signed", repository="shop-signed", destination={"namespace": "shop"})
        eventually(lambda: world.status("signed").get("revision", {}).get("signature"), "the signature is told")
    finally:
        proxy.stop()
        ssh.stop()
        for server in (mutual, tokened):
            server.stop()


def _apply(world: World, values: Mapping[str, str], urls: dict[str, str], authority: Authority) -> None:
    """All objects of the page. The servers' authority is nobody's: it goes into each HTTPS login, too."""
    bodies: list[dict[str, Any]] = [body for block in _blocks("yaml") for body in yaml.safe_load_all(block)]
    for body in bodies:
        name = body["metadata"]["name"]
        assert body["metadata"]["namespace"] == TEAM
        if body["kind"] == "Repository":
            body["spec"]["url"] = urls.get(name, "")
        else:
            data = {key: values.get(value, value) for key, value in body["stringData"].items()}
            body["stringData"] = data | ({"ca.crt": authority.certificate} if name == "shop-token" else {})
    # The last block's server is read over https on the page; here its authority could not be named without a Secret.
    signed = next(body for body in bodies if body["metadata"]["name"] == "shop-signed")
    signed["spec"] |= {
        "url": urls["shop-by-token"].replace("shop.git", "signed.git"),
        "secretRef": {"name": "shop-token"},
    }
    world.objects.apply(*bodies)


def _said(world: World, name: str) -> Mapping[str, Any]:
    return world.condition(name, "Ready", "Repository")
