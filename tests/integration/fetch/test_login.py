"""Every way to log in at a server over HTTP, each against one that really asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.errors import Terminal, Unreachable
from controller.fetch import errors
from controller.model.ref import Ref
from controller.model.repository import Credentials, Proxy
from tests.ground.git_proxy import TunnelProxy
from tests.ground.git_server import GitServer
from tests.ground.git_tls import Authority
from tests.integration.fetch.conftest import SHOP, repositories, repository
from tests.integration.fetch.redirector import redirecting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.errors import ShipslogError
    from tests.integration.fetch.conftest import Shop

TOKEN = "t0ken-of-the-reader"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that no system trusts."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[GitServer]:
    """A Git server over HTTPS, with the repository `shop`."""
    server = GitServer(tmp_path / "secure", tls=authority.context()).start()
    server.create("shop").worktree(tmp_path / "secure-work").publish({"a.yaml": "a: 1"}, "First")
    yield server
    server.stop()


async def _read(url: str, directory: Path, credentials: Credentials | None) -> str:
    """The commit of the default branch."""
    async with repositories(directory, file_urls=False) as opened:
        opened.ensure(repository(url, secret="login" if credentials else ""), credentials)
        return (await opened.revision(SHOP, Ref())).sha


async def _error(url: str, directory: Path, credentials: Credentials | None) -> ShipslogError:
    """What asking for the default branch raises; it never holds a secret."""
    async with repositories(directory, file_urls=False) as opened:
        opened.ensure(repository(url, secret="login" if credentials else ""), credentials)
        with pytest.raises((Terminal, Unreachable)) as caught:
            await opened.revision(SHOP, Ref())
    for secret in credentials.secrets if credentials else ():
        assert secret not in f"{caught.value!s} {caught.value!r} {caught.value.__context__!r}"
    return caught.value


async def test_a_token_opens_what_asks_for_one(shop: Shop, tmp_path: Path) -> None:
    """As a bearer token; another one is refused, and the error names both ways to log in."""
    await asyncio.to_thread(shop.bare.ask_for, TOKEN)

    assert await _read(shop.url, tmp_path / "one", Credentials(bearer_token=TOKEN)) == shop.first
    error = await _error(shop.url, tmp_path / "two", Credentials(bearer_token="t0ken-of-nobody"))
    assert isinstance(error, errors.AuthenticationFailed)
    assert "bearerToken" in error.remedy
    assert "Secret team-pay/login" in error.remedy


async def test_a_token_follows_no_redirect(shop: Shop, tmp_path: Path) -> None:
    """Else whoever is redirected to would get it."""
    with redirecting(shop.server.url) as target, redirecting(target.url) as first:
        error = await _error(first.url + "/shop.git", tmp_path / "mirrors", Credentials(bearer_token=TOKEN))

        assert isinstance(error, errors.UrlRefused)
        assert first.authorizations == [f"Bearer {TOKEN}"]
        assert target.authorizations == []


async def test_an_authority_of_ones_own_is_trusted_when_it_is_given(
    secure: GitServer, authority: Authority, tmp_path: Path
) -> None:
    """Without it the connection is refused, and the error says where to put it."""
    url = f"{secure.url}/shop.git"

    assert await _read(url, tmp_path / "one", Credentials(authorities=authority.certificate))
    error = await _error(url, tmp_path / "two", None)
    assert isinstance(error, errors.UrlRefused)
    assert "ca.crt" in error.remedy
    other = await asyncio.to_thread(Authority, tmp_path / "other")
    assert isinstance(
        await _error(url, tmp_path / "three", Credentials(authorities=other.certificate)), errors.UrlRefused
    )


async def test_a_client_certificate_opens_what_asks_for_one(authority: Authority, tmp_path: Path) -> None:
    """Without one, with one of somebody else, or with a broken key the error says that it is about that."""
    server = GitServer(tmp_path / "secure", tls=await asyncio.to_thread(authority.context, clients=True))
    await asyncio.to_thread(server.start)
    try:
        bare = await asyncio.to_thread(server.create, "shop")
        work = await asyncio.to_thread(bare.worktree, tmp_path / "work")
        first = await asyncio.to_thread(work.publish, {"a.yaml": "a: 1"}, "First")
        mine = (await asyncio.to_thread(authority.issue, "reader")).texts
        other = await asyncio.to_thread(Authority, tmp_path / "other")
        theirs = (await asyncio.to_thread(other.issue, "thief")).texts

        def credentials(certificate: str, key: str) -> Credentials:
            return Credentials(authorities=authority.certificate, certificate=certificate, certificate_key=key)

        assert await _read(bare.url, tmp_path / "one", credentials(*mine)) == first
        for name, wrong in {"none": ("", ""), "theirs": theirs, "mixed": (mine[0], theirs[1])}.items():
            error = await _error(bare.url, tmp_path / name, credentials(*wrong))
            assert isinstance(error, errors.AuthenticationFailed), (name, error)
            assert "tls.crt and tls.key" in error.remedy, (name, error)
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("login", [None, ("proxy-user", "pr0xy/pass")])
async def test_a_proxy_is_gone_through(
    secure: GitServer, authority: Authority, tmp_path: Path, login: tuple[str, str] | None
) -> None:
    """Also to loopback and whatever the environment exempts; one that asks for a login gets it."""
    proxy = TunnelProxy(login).start()
    try:
        through = Proxy(proxy.url, *(login or ()))
        assert await _read(
            f"{secure.url}/shop.git", tmp_path / "one", Credentials(authorities=authority.certificate, proxy=through)
        )
        assert proxy.tunnels > 0
        if login:
            wrong = Credentials(authorities=authority.certificate, proxy=Proxy(proxy.url, "proxy-user", "wr0ng-pass"))
            error = await _error(f"{secure.url}/shop.git", tmp_path / "two", wrong)
            assert "proxySecretRef" in error.remedy
    finally:
        await asyncio.to_thread(proxy.stop)


async def test_a_proxy_that_is_away_is_named(secure: GitServer, tmp_path: Path) -> None:
    """It passes by itself, so it is tried again."""
    gone = Credentials(proxy=Proxy("http://127.0.0.1:9"))

    error = await _error(f"{secure.url}/shop.git", tmp_path / "mirrors", gone)

    assert isinstance(error, Unreachable)


async def test_a_secret_that_cannot_be_used_is_said_and_the_server_is_not_asked(shop: Shop, tmp_path: Path) -> None:
    """A login that is missing is no public access."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url, secret="login"), problem="Secret team-pay/login does not exist\ncreate it")
        with pytest.raises(
            errors.SecretUnusable, match=r"team-pay/shop: Secret team-pay/login does not exist \(create"
        ):
            await opened.revision(SHOP, Ref())
    assert shop.server.count("info/refs") == 0
