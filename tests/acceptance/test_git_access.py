"""Private repositories through the whole process: every login from a Secret, rotated while all runs, never shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.git_server import GitServer
from tests.ground.git_signing import Signer
from tests.ground.git_ssh import SshServer, make_key, tools_on_path
from tests.ground.git_tls import Authority
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


@pytest.fixture(autouse=True)
def _tools() -> None:
    """Before any controller starts: it runs ssh and ssh-keygen."""
    tools_on_path()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that no system trusts."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def secure(tmp_path: Path, authority: Authority) -> Iterator[GitServer]:
    """Git over HTTPS."""
    server = GitServer(tmp_path / "secure", tls=authority.context()).start()
    yield server
    server.stop()


@pytest.fixture
def ssh(tmp_path: Path, secure: GitServer) -> Iterator[SshServer]:
    """The same repositories over SSH."""
    server = SshServer(secure.root, tmp_path / "sshd").start()
    yield server
    server.stop()


def _secret(world: World, name: str, data: Mapping[str, str]) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": TEAM},
        "stringData": dict(data),
    }
    world.objects.apply(body)


def _repository(world: World, name: str, **spec: Any) -> None:
    body = {"apiVersion": API_VERSION, "kind": "Repository", "metadata": {"name": name, "namespace": TEAM}}
    world.objects.apply({**body, "spec": {"interval": "1s", **spec}})


def _version(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""


def _ready(world: World, name: str) -> Mapping[str, Any]:
    return world.condition(name, "Ready", "Repository")


def test_a_rotated_token_and_a_rotated_ssh_key_are_taken_up_while_all_runs(
    world: World, secure: GitServer, ssh: SshServer, authority: Authority
) -> None:
    """Between the rotation at the server and in the Secret the last good state stands, and the reason is said.

    Failure and recovery are events; no token and no key is ever shown.
    """
    bare = secure.create("tokened")
    work = bare.worktree(world.directory / "work")
    work.publish({"a.yaml": MAP % ("tokened", "1")}, "first")
    bare.ask_for("t0ken-number-one")
    keyed = secure.create("keyed").worktree(world.directory / "keyed")
    keyed.publish({"a.yaml": MAP % ("keyed", "1")}, "first")
    keys = [world.directory / "key-1", world.directory / "key-2"]
    ssh.authorize(make_key(keys[0]))
    _secret(world, "token", {"bearerToken": "t0ken-number-one", "ca.crt": authority.certificate})
    _secret(world, "key", {"identity": keys[0].read_text(encoding="utf-8"), "known_hosts": ssh.known_hosts})
    _repository(world, "tokened", url=bare.url, secretRef={"name": "token"})
    _repository(world, "keyed", url=ssh.url("keyed"), secretRef={"name": "key"})
    world.objects.namespace("shop")
    for name in ("tokened", "keyed"):
        world.application(name, repository=name, destination={"namespace": "shop"})
    controller = world.controller()
    try:
        controller.start()
        world.await_ready("tokened", "keyed")

        bare.ask_for("t0ken-number-two")
        ssh.authorize(make_key(keys[1]))
        for name in ("tokened", "keyed"):
            eventually(lambda name=name: _ready(world, name).get("status") == "False", f"{name} fails")  # type: ignore[misc]
            assert _ready(world, name)["reason"] == "AuthenticationFailed"
            world.await_event("repository.failed", target={"namespace": TEAM, "object": f"Repository {TEAM}/{name}"})
            assert _version(world, name) == "1"
        assert "bearerToken, in Secret team-pay/token" in _ready(world, "tokened")["message"]
        assert "in Secret team-pay/key" in _ready(world, "keyed")["message"]
        for worktree, name in ((work, "tokened"), (keyed, "keyed")):
            worktree.commit({"a.yaml": MAP % (name, "2")}, "second")
        bare.ask_for(None)
        work.push()
        keyed.push()
        bare.ask_for("t0ken-number-two")
        _secret(world, "token", {"bearerToken": "t0ken-number-two", "ca.crt": authority.certificate})
        _secret(world, "key", {"identity": keys[1].read_text(encoding="utf-8"), "known_hosts": ssh.known_hosts})

        for name in ("tokened", "keyed"):
            eventually(lambda name=name: _version(world, name) == "2", f"{name} goes on")  # type: ignore[misc]
            world.await_event("repository.recovered", target={"namespace": TEAM, "object": f"Repository {TEAM}/{name}"})
        _nothing_shown(world, controller, "t0ken-number", *(key.read_text("utf-8").splitlines()[2] for key in keys))
    finally:
        controller.stop()


def test_a_secret_that_is_missing_or_incomplete_is_said_by_its_name_and_field(
    world: World, controller: ControllerProcess
) -> None:
    """The Repository's condition and a Kubernetes Event tell what to add; the log says it once, also over a restart."""
    https, ssh = "https://127.0.0.1:9/x.git", "ssh://git@127.0.0.1:9/x.git"
    cases = {
        "absent": (https, None, "Secret team-pay/absent does not exist"),
        "nothing": (https, {"note": "x"}, "it holds nothing to log in with"),
        "half": (https, {"username": "reader"}, "it has no key 'password'"),
        "both": (https, {"username": "reader", "password": "x", "bearerToken": "y"}, "remove one of them"),
        "certificate": (https, {"tls.crt": "x"}, "it has no key 'tls.key'"),
        "unknown-host": (ssh, {"identity": "x"}, "it has no key 'known_hosts'"),
        "no-key": (ssh, {"known_hosts": "x"}, "it has no key 'identity'"),
    }
    for name, (url, data, _) in cases.items():
        if data is not None:
            _secret(world, name, data)
        _repository(world, name, url=url, secretRef={"name": name})
    _secret(world, "bad-proxy", {"address": "proxy.example.com:3128"})
    _repository(world, "proxied", url=https, proxySecretRef={"name": "bad-proxy"})
    expected = {name: says for name, (_, _, says) in cases.items()} | {"proxied": "address is no address of a proxy"}

    for name, says in expected.items():
        ready = eventually(lambda name=name: _ready(world, name), f"{name} says something")  # type: ignore[misc]
        assert (ready["status"], ready["reason"]) == ("False", "SecretUnusable"), (name, ready)
        assert says in ready["message"], (name, ready)

    def reasons() -> set[str]:
        events = world.objects.list("v1", "Event", TEAM)
        found = [event for event in events if event["involvedObject"]["kind"] == "Repository"]
        return {event["involvedObject"]["name"] for event in found if event["reason"] == "SecretUnusable"}

    eventually(lambda: reasons() >= set(expected), "each has an Event")
    eventually(lambda: len(world.ledger.events("repository.failed")) == len(expected), "each is in the log")
    controller.stop()
    controller.start()
    eventually(lambda: _polls_failed(controller) >= len(expected), "each was tried again")
    _secret(world, "absent", {"note": "x"})  # another reason of the same kind is no news of the log
    eventually(lambda: "nothing to log in with" in _ready(world, "absent")["message"], "the condition follows")
    assert len(world.ledger.events("repository.failed")) == len(expected)


def test_only_signed_revisions_are_applied_and_the_verdict_is_recorded(
    world: World, controller: ControllerProcess
) -> None:
    """Unsigned and a stranger's: refused with an event, what stands stays; the signer is in status and log."""
    del controller
    alice = Signer.ssh("alice", world.directory / "alice")
    world.objects.namespace("shop")
    _secret(world, "keys", {"alice.pub": alice.public})
    worktree = world.repository("signed")
    bare = world.repositories["signed"][0]
    _repository(world, "signed", url=bare.url, verify={"mode": "head", "secretRef": {"name": "keys"}})
    first = alice.commit(worktree, {"a.yaml": MAP % ("signed", "1")}, "first")
    world.application("signed", repository="signed", destination={"namespace": "shop"})
    world.await_ready("signed", revision=first)
    signature = world.status("signed")["revision"]["signature"]
    assert (signature["mode"], signature["signer"]) == ("head", "alice.pub")
    observed = world.await_event("revision.observed")
    assert observed["detail"]["signature"] == signature

    second = worktree.publish({"a.yaml": MAP % ("signed", "2")}, "unsigned")
    refused = world.await_event("sync.refused")
    assert refused["detail"]["cause"] == "SignatureRefused"
    assert f"commit {second} is not signed" in refused["reason"]
    eventually(lambda: world.condition("signed", "Ready")["reason"] == "SignatureRefused", "the condition says it")
    assert _version(world, "signed") == "1"
    assert world.status("signed")["revision"]["sha"] == first

    third = alice.commit(worktree, {"a.yaml": MAP % ("signed", "3")}, "third")
    world.await_ready("signed", revision=third)
    assert _version(world, "signed") == "3"


def _polls_failed(controller: ControllerProcess) -> float:
    lines = [line for line in controller.metrics().splitlines() if line.startswith("shipslog_fetches_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'result="failed"' in line)


def _nothing_shown(world: World, controller: ControllerProcess, *secrets: str) -> None:
    shown = [controller.text(), controller.metrics()]
    shown += [
        str(world.ledger.events(type_)) for type_ in ("repository.failed", "repository.recovered", "sync.refused")
    ]
    shown += [str(world.objects.list(API_VERSION, kind, TEAM)) for kind in ("Repository", "Application")]
    shown.append(str(world.objects.list("v1", "Event", TEAM)))
    mirrors = Path(world.directory / "pod" / "mirrors")
    shown += [path.read_bytes().decode("latin-1") for path in mirrors.rglob("*") if path.is_file()]
    for secret in secrets:
        assert not [text for text in shown if secret in text]
