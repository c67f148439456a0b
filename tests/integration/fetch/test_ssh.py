"""Repositories over SSH, against a real sshd: strict about the server's key, with nothing but the key we were given."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.errors import Terminal, Unreachable
from controller.fetch import errors
from controller.model.ref import Ref
from controller.model.repository import Credentials
from tests.ground.git_ssh import SshServer, make_key, tools_on_path
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.errors import ShipslogError
    from tests.integration.fetch.conftest import Shop

PASSPHRASE = "the-passphrase of 1 key"


@pytest.fixture
def ssh(shop: Shop, tmp_path: Path) -> Iterator[SshServer]:
    """An SSH server with the repository `shop`, which lets `key` in."""
    tools_on_path()
    server = SshServer(shop.server.root, tmp_path / "sshd").start()
    yield server
    server.stop()


@pytest.fixture
def key(ssh: SshServer, tmp_path: Path) -> str:
    """A private key that the server lets in."""
    ssh.authorize(make_key(tmp_path / "key"))
    return (tmp_path / "key").read_text(encoding="utf-8")


async def _error(url: str, directory: Path, credentials: Credentials, **spec: object) -> ShipslogError:
    async with repositories(directory, file_urls=False) as opened:
        opened.ensure(repository(url, secret="login", **spec), credentials)  # type: ignore[arg-type]
        with pytest.raises((Terminal, Unreachable)) as caught:
            await opened.revision(SHOP, Ref())
    for secret in (*credentials.secrets, *credentials.identity.splitlines()[1:-1]):
        assert secret not in f"{caught.value!s} {caught.value!r} {caught.value.__context__!r}"
    return caught.value


async def test_a_repository_is_read_with_a_key_that_is_never_on_disk(
    shop: Shop, ssh: SshServer, key: str, tmp_path: Path
) -> None:
    """Fetched, followed, and read; neither a file of ours nor a command line holds a piece of the key."""
    seen: set[bytes] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue

    watching = asyncio.create_task(asyncio.to_thread(watch))
    try:
        async with repositories(tmp_path / "mirrors", file_urls=False) as opened:
            opened.ensure(
                repository(ssh.url("shop"), secret="login"), Credentials(identity=key, known_hosts=ssh.known_hosts)
            )
            assert (await opened.revision(SHOP, Ref())).sha == shop.first
            second = await shop.publish({"a.yaml": "a: 2"})
            now = asyncio.get_running_loop().time()
            assert (await opened.revision(SHOP, Ref(), fresh_since=now)).sha == second
            assert await opened.tree(SHOP, second).blob("a.yaml") == b"a: 2"
    finally:
        stop.set()
        await watching
    piece = key.splitlines()[1].encode()
    files = await asyncio.to_thread(lambda: [p.read_bytes() for p in (tmp_path / "mirrors").rglob("*") if p.is_file()])

    assert files
    assert not [data for data in files if piece in data]
    assert any(b"StrictHostKeyChecking=yes" in line for line in seen), "the watch saw nothing of ssh"
    assert not [line for line in seen if piece in line]


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
async def test_a_key_may_have_a_passphrase(shop: Shop, ssh: SshServer, tmp_path: Path, kind: str) -> None:
    """It stands under `password`; a wrong one is told as that, and asks nobody on a terminal."""
    public = await asyncio.to_thread(make_key, tmp_path / "locked", kind=kind, passphrase=PASSPHRASE)
    await asyncio.to_thread(ssh.authorize, public)
    identity = (tmp_path / "locked").read_text(encoding="utf-8")
    async with repositories(tmp_path / "mirrors", file_urls=False) as opened:
        right = Credentials(identity=identity, known_hosts=ssh.known_hosts, password=PASSPHRASE)
        opened.ensure(repository(ssh.url("shop"), secret="login"), right)
        assert (await opened.revision(SHOP, Ref())).sha == shop.first

    for wrong in ("wrong-passphrase", ""):
        given = Credentials(identity=identity, known_hosts=ssh.known_hosts, password=wrong)
        error = await _error(ssh.url("shop"), tmp_path / "other", given)
        assert isinstance(error, errors.AuthenticationFailed)
        assert "identity and password in Secret team-pay/login" in error.remedy


async def test_a_key_that_is_not_let_in_is_told(ssh: SshServer, key: str, tmp_path: Path) -> None:
    """With the Secret that holds it; so is one that is no key at all."""
    await asyncio.to_thread(ssh.authorize)
    for identity in (key, "no key"):
        error = await _error(
            ssh.url("shop"), tmp_path / "mirrors", Credentials(identity=identity, known_hosts=ssh.known_hosts)
        )
        assert isinstance(error, errors.AuthenticationFailed)
        assert "Secret team-pay/login" in error.remedy


async def test_another_host_key_than_the_known_one_ends_the_conversation(
    ssh: SshServer, key: str, tmp_path: Path
) -> None:
    """Nobody is trusted at first sight: neither an unknown key nor none at all."""
    other = (await asyncio.to_thread(make_key, tmp_path / "other-host")).split()
    for hosts in (f"[127.0.0.1]:{ssh.port} {other[0]} {other[1]}", "", "github.com ssh-ed25519 AAAA"):
        error = await _error(ssh.url("shop"), tmp_path / "mirrors", Credentials(identity=key, known_hosts=hosts))
        assert isinstance(error, errors.HostKeyRefused), error
        assert "known_hosts in Secret team-pay/login" in error.remedy
    assert "Accepted publickey" not in await asyncio.to_thread(ssh.log)


async def test_a_rotated_key_is_used_at_once(shop: Shop, ssh: SshServer, key: str, tmp_path: Path) -> None:
    """The old one is refused, what was read stays, the new one is taken without a restart."""
    news = News()
    async with repositories(tmp_path / "mirrors", news, file_urls=False) as opened:
        opened.ensure(
            repository(ssh.url("shop"), secret="login"), Credentials(identity=key, known_hosts=ssh.known_hosts)
        )
        await opened.revision(SHOP, Ref())
        await asyncio.to_thread(ssh.authorize, await asyncio.to_thread(make_key, tmp_path / "new"))
        second = await shop.publish({"a.yaml": "a: 2"})
        with pytest.raises(errors.AuthenticationFailed):
            await opened.revision(SHOP, Ref(), fresh_since=asyncio.get_running_loop().time())
        assert (await opened.revision(SHOP, Ref())).sha == shop.first
        new = (tmp_path / "new").read_text(encoding="utf-8")
        opened.ensure(
            repository(ssh.url("shop"), secret="login"), Credentials(identity=new, known_hosts=ssh.known_hosts)
        )
        await news.until(lambda: SHOP in news.changes)
        assert (await opened.revision(SHOP, Ref())).sha == second


async def test_a_missing_repository_and_a_server_that_is_away_are_told(
    ssh: SshServer, key: str, tmp_path: Path
) -> None:
    """As over HTTP."""
    known = Credentials(identity=key, known_hosts=ssh.known_hosts)
    assert isinstance(await _error(ssh.url("nothing"), tmp_path / "one", known), errors.RepositoryNotFound)
    unknown = "ssh://git@no-such-host.invalid/x.git"
    assert isinstance(await _error(unknown, tmp_path / "two", known), errors.HostUnknown)
    await asyncio.to_thread(ssh.stop)
    assert isinstance(await _error(ssh.url("shop"), tmp_path / "three", known), errors.ConnectionFailed)


async def test_ssh_without_a_secret_is_refused(ssh: SshServer, tmp_path: Path) -> None:
    """No key of the machine, no agent, is ever tried."""
    async with repositories(tmp_path / "mirrors", file_urls=False) as opened:
        opened.ensure(repository(ssh.url("shop")))
        with pytest.raises(errors.SecretUnusable, match="identity and known_hosts"):
            await opened.revision(SHOP, Ref())
    assert "Connection from" not in await asyncio.to_thread(ssh.log)
