"""Kubeconfigs that are wrong, odd or hostile."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from controller.kube import kubeconfig
from controller.kube.access import from_kubeconfig_bytes, from_kubeconfig_file
from controller.kube.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path


def config(
    cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, current: str = "here", **other: Any
) -> bytes:
    """A kubeconfig."""
    document = {
        "current-context": current,
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster if cluster is not None else {"server": "https://one:6443/"}}],
        "users": [{"name": "u", "user": user if user is not None else {"token": "hunter2"}}],
    }
    return yaml.safe_dump(document | other).encode()


async def test_only_the_current_context_counts() -> None:
    """Another context's plugin does not matter."""
    contexts = [{"name": "here", "context": {"cluster": "c", "user": "u"}}, {"name": "x", "context": {"cluster": "c"}}]
    users = [{"name": "bad", "user": {"exec": {"command": "rm"}}}, {"name": "u", "user": {"token": "hunter2"}}]

    access = await from_kubeconfig_bytes(config(contexts=contexts, users=users))

    assert access.server == "https://one:6443"
    assert await access.credentials.authorization() == "Bearer hunter2"


async def test_user_and_password_are_basic_authentication() -> None:
    """RFC 7617."""
    access = await from_kubeconfig_bytes(config(user={"username": "me", "password": "hunter2"}))

    assert await access.credentials.authorization() == "Basic " + base64.b64encode(b"me:hunter2").decode()


async def test_proxy_and_server_name_are_taken_over() -> None:
    """As kubectl does it."""
    cluster = {"server": "https://one", "proxy-url": "http://proxy:3128", "tls-server-name": "two"}

    access = await from_kubeconfig_bytes(config(cluster))

    assert (access.proxy, access.server_name) == ("http://proxy:3128", "two")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", ""),
        (b"- a", ""),
        (b"{", ""),
        (b"a: &a [b, b]\nb: *a", ""),
        (b"[" * 100_000, ""),
        (b"x" * (kubeconfig.SIZE_LIMIT + 1), ""),
        (config({"server": "https://one"}, current=""), "current-context"),
        (config({"server": "https://one"}, current="there"), "contexts"),
        (config(contexts="here"), "contexts"),
        (config(clusters=[]), "clusters"),
        (config(users=[{"name": "other"}]), "users"),
        (config({}), "clusters[name=c].cluster.server"),
        (config({"server": "one:6443"}), "clusters[name=c].cluster.server"),
        (config({"server": "file:///etc/passwd"}), "clusters[name=c].cluster.server"),
        (config({"server": "https://me:pw@one"}), "clusters[name=c].cluster.server"),
        (config({"server": "https://one:99999"}), "clusters[name=c].cluster.server"),
        (config({"server": ["https://one"]}), "clusters[name=c].cluster.server"),
        (config({"server": f"https://{'a' * 64}:6443"}), "clusters[name=c].cluster.server"),
        (config({"server": "https://a..b:6443"}), "clusters[name=c].cluster.server"),
        (config({"server": "https://exa mple"}), "clusters[name=c].cluster.server"),
        (config({"server": "https://one", "proxy-url": "foo"}), "clusters[name=c].cluster.proxy-url"),
        (config({"server": "https://one", "proxy-url": f"http://{'a' * 64}"}), "clusters[name=c].cluster.proxy-url"),
        (config({"server": "https://one", "tls-server-name": ".x"}), "clusters[name=c].cluster.tls-server-name"),
        (config({"server": "https://one", "tls-server-name": "a" * 300}), "clusters[name=c].cluster.tls-server-name"),
        (config() + b"x: !!bool maybe", ""),
        (config() + b'x: !!int ""', ""),
        (config() + b'x: !!float ""', ""),
        (config() + b"x: !!timestamp hunter2", ""),
        (config() + b"x: !!python/object:os.system {}", ""),
        (config(user={"token": "a", "as-groups": 5}), "users[name=u].user.as-groups"),
        (config(user={"token": "a", "as-groups": ["ok", "a\nb"]}), "users[name=u].user.as-groups.1"),
        (config(user={"token": "a", "as-groups": [{"a": "b"}]}), "users[name=u].user.as-groups.0"),
        (config(current=["here"]), "current-context"),  # type: ignore[arg-type]
        (config({"server": "https://one", "certificate-authority-data": "?"}), "certificate-authority-data"),
        (config({"server": "https://one", "certificate-authority-data": "aGVsbG8="}), "certificate-authority"),
        (config(user={"token": "a\nb"}), "users[name=u].user.token"),
        (config(user={"token": {"a": 1}}), "users[name=u].user.token"),
        (config(user={"client-certificate-data": "aGVsbG8="}), "users[name=u].user"),
        (config(user={"client-certificate-data": "aGVsbG8=", "client-key-data": "aGVsbG8="}), "client-certificate"),
        (config(user={"as": "x", "as-user-extra": {"a": ["b"]}}), "users[name=u].user.as-user-extra"),
        (config(user={"exec": {"command": "rm"}}), "users[name=u].user.exec"),
        (config(user={"tokenFile": "/etc/passwd", "token": "hunter2"}), "users[name=u].user.tokenFile"),
    ],
)
async def test_a_mistake_is_named_by_its_field_and_not_quoted(content: bytes, field: str) -> None:
    """What stands in a kubeconfig is secret, also when it is wrong."""
    with pytest.raises(AccessError) as refused:
        await from_kubeconfig_bytes(content)

    assert refused.value.field.endswith(field)
    assert "hunter2" not in str(refused.value)
    assert len(str(refused.value)) < 300


async def test_a_file_that_is_not_there_is_named() -> None:
    """The path and why."""
    with pytest.raises(AccessError, match="/nowhere/config can't be read: No such file"):
        await from_kubeconfig_file("/nowhere/config")


async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path) -> None:
    """Only of a Secret it is asked whether the key is the right one."""
    (tmp_path / "passwd").write_text("root\n")

    with pytest.raises(AccessError) as refused:
        await from_kubeconfig_file(tmp_path / "passwd")

    assert str(refused.value) == f"{tmp_path}/passwd: the kubeconfig is not a mapping (name a kubeconfig)"
    with pytest.raises(AccessError, match="right key of the Secret"):
        await from_kubeconfig_bytes(b"root\n")


async def test_what_looks_like_a_number_or_a_date_is_text() -> None:
    """A field for text takes it, as kubectl does; a word for true and for nothing keeps its meaning."""
    cluster = {"server": "https://one", "insecure-skip-tls-verify": True}
    text = config(cluster, {"token": "TOKEN"}).replace(b"TOKEN", b"2026-99-99") + b"a: 0b_\nb: null\n"

    access = await from_kubeconfig_bytes(text)

    assert await access.credentials.authorization() == "Bearer 2026-99-99"
    assert not kubeconfig.parse(text).verify


async def test_an_address_by_number_is_one() -> None:
    """Of either family."""
    for server in ("https://[::1]:6443", "https://127.0.0.1:6443", "https://one.two.:6443/k8s/clusters/c-1"):
        cluster = {"server": server, "proxy-url": "http://me:pw@[fd00::1]:3128"}
        assert (await from_kubeconfig_bytes(config(cluster))).server == server


def test_a_kubeconfig_shows_no_secret() -> None:
    """Its repr is for logs."""
    assert "hunter2" not in repr(kubeconfig.parse(config()))
