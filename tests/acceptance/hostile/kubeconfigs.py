"""Kubeconfigs that run programs, read our files, or lead nowhere."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig in the Secret of a Cluster, whose condition must say `says`; None: there is no such Secret."""

    name: str
    text: str | None
    says: Sequence[str]
    key: str = "kubeconfig"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfigs(server: str, authority: str, port: int) -> tuple[Kubeconfig, ...]:
    """The table, around the address of a real API server, its authority (PEM), and a port where nobody listens."""
    here = {"server": server, "certificate-authority-data": _encoded(authority)}

    def made(name: str, *says: str, cluster: Any = here, user: Any = None, **parts: Any) -> Kubeconfig:
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {"token": "x"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        } | parts
        return Kubeconfig(name, json.dumps(whole), (f"{name}-kubeconfig", *says))

    def answered(name: str, *says: str, cluster: Any = here) -> Kubeconfig:
        """The kubeconfig itself is well: what is told is of the server that it leads to."""
        return Kubeconfig(name, made(name, cluster=cluster).text, says)

    def raw(name: str, text: str | None, *says: str, key: str = "kubeconfig") -> Kubeconfig:
        return Kubeconfig(name, text, (f"{name}-kubeconfig", *says), key)

    garbage = _encoded("no certificate at all")
    pem = _encoded("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return (
        made("kube-exec", "exec", "token", user={"exec": {"command": "/bin/sh", "apiVersion": "v1"}}),
        made("kube-auth-provider", "auth-provider", user={"auth-provider": {"name": "gcp"}}),
        made(
            "kube-ca-file", "certificate-authority", cluster={"server": server, "certificate-authority": "/etc/passwd"}
        ),
        made("kube-token-file", "tokenFile", user={"tokenFile": "/etc/passwd"}),
        made("kube-key-file", "client-certificate", user={"client-certificate": "/a", "client-key": "/etc/shadow"}),
        made("kube-no-context", "current-context", **{"current-context": ""}),
        made("kube-context", "nowhere", **{"current-context": "nowhere"}),
        made("kube-no-cluster", "clusters", clusters=[]),
        made("kube-no-user", "users", users=[]),
        made("kube-no-server", "server", cluster={}),
        answered("kube-http", "400", cluster={"server": server.replace("https", "http")}),
        made("kube-server-garbage", "server", cluster={"server": "nowhere at all"}),
        made(
            "kube-authority",
            "certificate authority",
            cluster={"server": server, "certificate-authority-data": garbage},
        ),
        made(
            "kube-authority-pem",
            "certificate authority",
            cluster={"server": server, "certificate-authority-data": pem},
        ),
        made(
            "kube-authority-base64",
            "certificate-authority-data",
            cluster={"server": server, "certificate-authority-data": "%%%"},
        ),
        made(
            "kube-client-certificate",
            "client certificate",
            user={"client-certificate-data": garbage, "client-key-data": garbage},
        ),
        made("kube-client-key", "client-key", user={"client-certificate-data": pem}),
        made("kube-user-list", "users", user=["a"]),
        raw("kube-yaml", "a: [\n", "YAML"),
        raw("kube-list", "- a\n", "mapping"),
        raw("kube-text", "hello", "mapping"),
        raw("kube-empty", "", "mapping"),
        raw("kube-deep", "a: " + "[" * 5_000 + "]" * 5_000),
        raw("kube-binary", "\0\1\2"),
        raw("kube-alias-cycle", "a: &a [*a]\n", "alias"),
        raw("kube-tag-bool", "a: !!bool maybe\n", "tag"),
        raw("kube-tag-int", 'a: !!int ""\n', "tag"),
        raw("kube-tag-timestamp", "a: !!timestamp foo\n", "tag"),
        raw("kube-tag-object", "a: !!python/object/apply:os.abort []\n", "tag"),
        made("kube-groups", "as-groups", user={"token": "x", "as-groups": 5}),
        made("kube-groups-lines", "as-groups", user={"token": "x", "as-groups": ["a\r\nb: c"]}),
        made("kube-server-label", "server", cluster={"server": f"https://{'a' * 64}.example.com"}),
        made("kube-server-name", "tls-server-name", cluster=here | {"tls-server-name": ".x"}),
        made("kube-proxy", "proxy-url", cluster=here | {"proxy-url": "socks5://127.0.0.1:1"}),
        raw("kube-no-secret", None),
        raw("kube-no-key", "a: b\n", "kubeconfig", key="config"),
        answered("kube-token", "Unauthorized", "token"),
        answered("kube-stranger", "certificate-authority-data", cluster={"server": server}),
        answered("kube-nobody", "127.0.0.1", "refused", cluster={"server": f"https://127.0.0.1:{port}"}),
        answered("kube-host", "no-such-host.invalid", cluster={"server": "https://no-such-host.invalid:6443"}),
    )
