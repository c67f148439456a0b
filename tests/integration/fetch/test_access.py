"""Who may read, how that is told to the server, and what is said when it does not work."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.errors import ShipslogError, Terminal, Unreachable
from controller.fetch import errors
from controller.model.objects import Key
from controller.model.ref import Ref
from controller.model.repository import Credentials
from tests.integration.fetch.conftest import SHOP, News, repositories, repository
from tests.integration.fetch.redirector import redirecting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ground.git_server import GitServer
    from tests.integration.fetch.conftest import Private, Shop

WRONG = Credentials("reader", "wr0ng-passw0rd")


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _error(url: str, directory: Path, credentials: Credentials | None = None, **spec: object) -> ShipslogError:
    """What asking for the default branch raises."""
    async with repositories(directory, file_urls=False) as opened:
        secret = "git-login" if credentials else ""
        opened.ensure(repository(url, secret=secret, **spec), credentials)  # type: ignore[arg-type]
        with pytest.raises(ShipslogError) as caught:
            await opened.revision(SHOP, Ref())
    return caught.value


@pytest.mark.parametrize("url", ["https://[abc/x", "https://\u2100/x", "https://git.example.com:port/x"])
async def test_what_is_no_url_is_refused_and_breaks_nothing(shop: Shop, tmp_path: Path, url: str) -> None:
    """Its own Repository says so; others are read."""
    async with repositories(tmp_path / "mirrors") as opened:
        bad = Key("team-evil", "bad")
        opened.ensure(repository(url, key=bad, secret="login"), WRONG)
        opened.ensure(repository(shop.url))
        with pytest.raises(errors.UrlRefused, match=r"spec\.url is no URL"):
            await opened.revision(bad, Ref())
        assert (await opened.revision(SHOP, Ref())).sha == shop.first


async def test_a_private_repository_is_read_with_its_secret(private: Private, tmp_path: Path) -> None:
    """User and password open it; the mirror's directory holds neither."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(private.url, secret="git-login"), private.credentials)
        assert (await opened.revision(SHOP, Ref())).sha == private.first
    needle = private.credentials.password.encode()
    files = await asyncio.to_thread(lambda: [p for p in (tmp_path / "mirrors").rglob("*") if p.is_file()])

    assert files
    assert not [path for path in files if needle in await asyncio.to_thread(path.read_bytes)]
    assert not [path for path in files if private.url.encode() in await asyncio.to_thread(path.read_bytes)]


async def test_a_wrong_password_is_told_with_the_secret_to_correct(
    private: Private, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error nor a log holds the password."""
    caplog.set_level(logging.DEBUG)
    error = await _error(private.url, tmp_path / "mirrors", WRONG)

    assert isinstance(error, errors.AuthenticationFailed)
    assert "Repository team-pay/shop" in error.message
    assert "Secret team-pay/git-login" in error.remedy
    assert WRONG.password not in f"{error!s} {error!r} {error.__cause__!r} {error.__context__!r} {caplog.text}"


async def test_a_missing_secret_is_told_with_the_field_for_it(private: Private, tmp_path: Path) -> None:
    """Nobody is asked for a password on a terminal."""
    error = await _error(private.url, tmp_path / "mirrors")

    assert isinstance(error, errors.AuthenticationFailed)
    assert "spec.secretRef" in error.remedy


async def test_no_process_ever_has_the_password_on_its_command_line(private: Private, tmp_path: Path) -> None:
    """Everybody on the node can read command lines, only the owner the environment."""
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
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(private.url, secret="git-login"), private.credentials)
            for _ in range(10):
                await opened.revision(SHOP, Ref(), fresh_since=_now())
    finally:
        stop.set()
        await watching

    assert any(private.url.encode() in line for line in seen), "the watch saw nothing of git"
    assert not [line for line in seen if private.credentials.password.encode() in line]


async def test_a_corrected_password_is_tried_at_once(private: Private, tmp_path: Path) -> None:
    """The next try after a refused login is far away, but a changed Secret is news."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(private.url, secret="git-login"), WRONG)
        with pytest.raises(errors.AuthenticationFailed):
            await opened.revision(SHOP, Ref())
        opened.ensure(repository(private.url, secret="git-login"), private.credentials)
        await news.until(lambda: SHOP in news.changes)

        assert (await opened.revision(SHOP, Ref())).sha == private.first
        assert [state.reachable for _, state in news.states] == [False, True]


async def test_a_refused_login_is_tried_ever_more_seldom(private: Private, tmp_path: Path) -> None:
    """So that nobody's account is locked by us."""
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(repository(private.url, secret="git-login", interval="100ms"), WRONG)
        with pytest.raises(errors.AuthenticationFailed):
            await opened.revision(SHOP, Ref())
        started = _now()
        await news.until(lambda: len(news.polls) >= 5)

        assert _now() - started > 0.9 * 0.1 * (1 + 2 + 4 + 8) * 0.9


async def test_credentials_are_never_shared_across_namespaces(private: Private, tmp_path: Path) -> None:
    """Who names the same URL elsewhere, with no or with wrong credentials, reads nothing."""
    thief, guest = Key("team-evil", "shop"), Key("team-guest", "shop")
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(private.url, secret="git-login"), private.credentials)
        await opened.revision(SHOP, Ref())
        opened.ensure(repository(private.url, key=thief, secret="git-login"), WRONG)
        opened.ensure(repository(private.url, key=guest))
        for key in (thief, guest):
            with pytest.raises(errors.AuthenticationFailed):
                await opened.revision(key, Ref())
            with pytest.raises(errors.CommitNotFound):
                await opened.tree(key, private.first).blob("a.yaml")


@pytest.mark.parametrize("login", [True, False])
async def test_a_redirect_is_followed_without_the_credentials(shop: Shop, tmp_path: Path, *, login: bool) -> None:
    """Who is redirected to gets no password, whether the first server asked for it or only the second does."""
    with redirecting(shop.server.url, login=True) as target, redirecting(target.url, login=login) as first:
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(first.url + "/shop.git", secret="git-login"), WRONG)
            with pytest.raises(Terminal) as caught:
                await opened.revision(SHOP, Ref())

        assert bool(first.authorizations) == login
        assert target.authorizations == []
        assert WRONG.password not in str(caught.value)


async def test_a_public_redirect_is_followed(shop: Shop, tmp_path: Path) -> None:
    """As when a repository was renamed."""
    with redirecting(shop.server.url) as server:
        async with repositories(tmp_path / "mirrors") as opened:
            opened.ensure(repository(server.url + "/shop.git"))
            assert (await opened.revision(SHOP, Ref())).sha == shop.first


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        (lambda _: "http://no-such-host.invalid/x.git", errors.HostUnknown, "host"),
        (lambda _: "http://127.0.0.1:9/x.git", errors.ConnectionFailed, "reached"),
        (lambda server: f"{server.url}/nothing.git", errors.RepositoryNotFound, "spec.url"),
        (lambda _: "file:///etc", errors.UrlRefused, "SHIPSLOG_ALLOW_FILE_URLS"),
    ],
)
async def test_each_cause_has_its_error(
    server: GitServer, tmp_path: Path, url: Callable[[GitServer], str], kind: type[ShipslogError], words: str
) -> None:
    """The error names the Repository and tells what to do."""
    error = await _error(url(server), tmp_path / "mirrors")

    assert isinstance(error, kind)
    assert "Repository team-pay/shop" in error.message
    assert words in str(error)


async def test_a_directory_that_is_no_repository_is_not_found(tmp_path: Path) -> None:
    """Also where file:// is allowed."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(tmp_path.as_uri()))
        with pytest.raises(errors.RepositoryNotFound):
            await opened.revision(SHOP, Ref())


async def test_a_server_that_stalls_is_given_up_at_the_deadline(shop: Shop, tmp_path: Path) -> None:
    """And a stalled conversation holds back nobody who reads what is there."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url, timeout="1s"))
        revision = await opened.revision(SHOP, Ref())
        await asyncio.to_thread(shop.server.stall_after, 10)
        asking = asyncio.create_task(opened.revision(SHOP, Ref(), fresh_since=_now()))
        started = _now()
        assert await opened.tree(SHOP, revision.sha).blob("a.yaml") == b"a: 1"
        assert _now() - started < 0.9
        with pytest.raises(errors.TimedOut) as caught:
            await asking
        assert isinstance(caught.value, Unreachable)
        assert 0.9 < _now() - started < 5
        assert await opened.revision(SHOP, Ref()) == revision
        await asyncio.to_thread(shop.server.resume)
        assert await opened.revision(SHOP, Ref(), fresh_since=_now()) == revision


@pytest.mark.parametrize("name", ["a b", "main:refs/heads/x", "*", "../x", "x.lock"])
async def test_a_name_that_git_would_not_take_is_refused(shop: Shop, tmp_path: Path, name: str) -> None:
    """Nothing that somebody writes into a spec becomes an option or a refspec."""
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(repository(shop.url))
        with pytest.raises(errors.NameRefused, match=r"spec\.source\.ref\.branch"):
            await opened.revision(SHOP, Ref(branch=name))
