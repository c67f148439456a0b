"""Repositories that can't be read: away, locked, broken, or not what they say they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.ground.git_repository import git

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.ground.git_server import BareRepository, GitServer

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\ndata: {a: b}\n"


class Odd(NamedTuple):
    """A Repository, its Secrets (by the end of their names), and what its condition must name.

    An Application of the same name follows it, whose condition must name the same.
    """

    name: str
    spec: Mapping[str, Any]
    says: Sequence[str]
    secrets: Mapping[str, Mapping[str, str]] = {}


def odds(server: GitServer, nowhere: str, port: int, prefix: str) -> tuple[Odd, ...]:
    """The table; makes the repositories that it needs. Nobody listens at `port`."""

    def url(path: str) -> str:
        return f"{nowhere}/{path}/a.git"

    def secret(name: str, **content: str) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        return {"secretRef": {"name": f"{name}-secret"}}, {"secret": content}

    def locked(name: str, *says: str, **content: str) -> Odd:
        reference, secrets = secret(name, **content) if content else ({}, {})
        return Odd(name, {"url": private.url, **reference}, says, secrets)

    def ssh(name: str, *says: str, **content: str) -> Odd:
        reference, secrets = secret(name, **content)
        return Odd(name, {"url": f"ssh://git@127.0.0.1:{port}/a.git", **reference}, says, secrets)

    private = _filled(server, f"{prefix}-private", ("reader", "right"))
    plain = _filled(server, f"{prefix}-plain")
    return (
        Odd("repo-empty", {"url": server.create(f"{prefix}-empty").url}, ("repo-empty", "push a commit")),
        Odd("repo-headless", {"url": _headless(server, prefix).url}, ("repo-headless", "spec.source.ref")),
        Odd("repo-missing", {"url": f"{server.url}/no-such.git"}, ("repo-missing", "spec.url")),
        Odd("repo-away", {"url": f"http://127.0.0.1:{port}/a.git"}, ("repo-away", "can't be reached")),
        Odd("repo-host", {"url": "http://no-such-host.invalid/a.git"}, ("repo-host", "host", "DNS")),
        Odd("repo-url", {"url": "https://[abc/x"}, ("repo-url", "spec.url is no URL")),
        Odd("repo-url-nfkc", {"url": "https://\u2100/x"}, ("repo-url-nfkc", "spec.url is no URL")),
        Odd("repo-redirect", {"url": url("elsewhere")}, ("repo-redirect", "spec.url")),
        Odd("repo-circle", {"url": url("circle")}, ("repo-circle", "redirect")),
        Odd("repo-page", {"url": url("page")}, ("repo-page", "spec.url")),
        Odd("repo-garbage", {"url": url("garbage")}, ("repo-garbage", "spec.url")),
        Odd("repo-cut", {"url": url("cut")}, ("repo-cut",)),
        Odd("repo-flood", {"url": url("flood"), "timeout": "3s"}, ("repo-flood",)),
        Odd("repo-silent", {"url": url("silent"), "timeout": "2s"}, ("repo-silent", "in time", "spec.timeout")),
        Odd("repo-500", {"url": url("500")}, ("repo-500", "500")),
        Odd("repo-429", {"url": url("429")}, ("repo-429", "429")),
        Odd("repo-403", {"url": url("403")}, ("repo-403", "403")),
        Odd("repo-410", {"url": url("410")}, ("repo-410", "spec.url")),
        Odd("repo-tls", {"url": nowhere.replace("http:", "https:") + "/a.git"}, ("repo-tls",)),
        Odd("repo-file", {"url": "file:///etc"}, ("repo-file", "file://", "SHIPSLOG_ALLOW_FILE_URLS")),
        Odd("repo-corrupt", {"url": _corrupt(server, prefix).url}, ("repo-corrupt",)),
        Odd("repo-gone-blob", {"url": _gone(server, prefix).url}, ("repo-gone-blob",)),
        Odd("repo-large", {"url": _large(server, prefix).url}, ("repo-large", "larger", "split")),
        Odd("repo-odd-refs", {"url": _odd_refs(server, prefix).url}, ("a.yaml:1", "kind is missing")),
        Odd(
            "repo-no-secret",
            {"url": plain.url, "secretRef": {"name": "nowhere"}},
            ("team-pay/nowhere", "repo-no-secret"),
        ),
        locked("repo-locked", "repo-locked", "spec.secretRef", "username and password"),
        locked(
            "repo-password",
            "team-pay/repo-password-secret",
            "username and password",
            username="reader",
            password="wrong-one",
        ),
        locked("repo-token", "team-pay/repo-token-secret", "bearerToken", bearerToken="wrong-token"),
        locked("repo-half", "team-pay/repo-half-secret", "password", username="reader"),
        locked("repo-both", "team-pay/repo-both-secret", username="reader", password="p4ssword", bearerToken="t0ken"),
        locked("repo-newline", "team-pay/repo-newline-secret", username="a\nb", password="c\nd"),
        locked("repo-keys", "team-pay/repo-keys-secret", user="reader", pass_="right"),
        Odd(
            "repo-certificate",
            {"url": plain.url.replace("http:", "https:"), "secretRef": {"name": "repo-certificate-secret"}},
            ("team-pay/repo-certificate-secret", "tls."),
            {"secret": {"tls.crt": "no certificate", "tls.key": "no key"}},
        ),
        Odd(
            "repo-proxy",
            {"url": plain.url, "proxySecretRef": {"name": "repo-proxy-secret"}},
            ("team-pay/repo-proxy-secret", "address"),
            {"secret": {"address": "gopher://nowhere"}},
        ),
        Odd(
            "repo-proxy-away",
            {"url": plain.url, "proxySecretRef": {"name": "repo-proxy-away-secret"}},
            ("repo-proxy-away", "proxy"),
            {"secret": {"address": f"http://127.0.0.1:{port}"}},
        ),
        ssh("ssh-no-hosts", "team-pay/ssh-no-hosts-secret", "known_hosts", identity="k"),
        ssh("ssh-no-key", "team-pay/ssh-no-key-secret", "identity", known_hosts="h"),
        ssh("ssh-garbage", "ssh-garbage", identity="no key", known_hosts="no host"),
        Odd(
            "repo-verify",
            {"url": plain.url, "verify": {"mode": "head", "secretRef": {"name": "repo-verify-secret"}}},
            ("team-pay/repo-verify-secret",),
            {"secret": {"a.pub": "no key"}},
        ),
        Odd(
            "repo-verify-nobody",
            {"url": plain.url, "verify": {"mode": "head", "secretRef": {"name": "nowhere"}}},
            ("team-pay/nowhere",),
        ),
        Odd(
            "repo-unsigned",
            {"url": plain.url, "verify": {"mode": "head", "secretRef": {"name": "repo-unsigned-secret"}}},
            ("repo-unsigned", "sign"),
            {"secret": {"a.pub": SOMEBODY}},
        ),
    )


SOMEBODY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtQUDZWhs8k/cZcykMkaoX7ZE7DXld8TP79HyddMVTS somebody\n"


def _filled(
    server: GitServer, name: str, credentials: tuple[str, str] | None = None, text: str = MAP
) -> BareRepository:
    """A repository with one commit."""
    bare = server.create(name, credentials=credentials)
    bare.worktree(server.root / f"{name}-worktree").publish({"a.yaml": text}, "first")
    return bare


def _headless(server: GitServer, prefix: str) -> BareRepository:
    bare = _filled(server, f"{prefix}-headless")
    git("symbolic-ref", "HEAD", "refs/heads/gone", cwd=bare.path)
    return bare


def _corrupt(server: GitServer, prefix: str) -> BareRepository:
    """The tree of its commit is garbage."""
    bare = _filled(server, f"{prefix}-corrupt")
    tree = git("rev-parse", "main^{tree}", cwd=bare.path)
    path = bare.path / "objects" / tree[:2] / tree[2:]
    path.chmod(0o600)
    path.write_bytes(b"garbage")
    return bare


def _gone(server: GitServer, prefix: str) -> BareRepository:
    """The file of its commit is missing."""
    bare = _filled(server, f"{prefix}-gone")
    blob = git("rev-parse", "main:a.yaml", cwd=bare.path)
    (bare.path / "objects" / blob[:2] / blob[2:]).unlink()
    return bare


def _large(server: GitServer, prefix: str) -> BareRepository:
    """More than a mirror may hold, in pieces that no compression makes smaller."""
    bare = server.create(f"{prefix}-large")
    files = {f"{number}.bin": os.urandom(1_000_000) for number in range(24)}
    bare.worktree(server.root / f"{prefix}-large-worktree").publish(files, "much")
    return bare


def _odd_refs(server: GitServer, prefix: str) -> BareRepository:
    """Refs named to be taken for options, commands and paths, beside a commit that is wrong in an ordinary way."""
    bare = _filled(server, f"{prefix}-odd-refs", text="apiVersion: v1\nmetadata: {name: hostile}\n")
    head = bare.head()
    names = ("--upload-pack=sh", "$(id)", "`id`", "a;id", "-", "Bär", "n" * 200, "HEAD", "refs/heads/main", "a'\"b")
    for name in names:
        path = bare.path / "refs" / "heads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + "\n", encoding="utf-8")
    return bare
