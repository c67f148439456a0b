"""Kubeconfig: which server, and who we are there. Pure; what it refers to is read elsewhere.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from controller.kube.errors import AccessError

SIZE_LIMIT = 1 << 20
"""Largest kubeconfig, in bytes; a Secret holds no more."""
DEPTH_LIMIT = 32
"""Deepest nesting; five levels are what the format has, and plugins add a few."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")
_PLUGINS = ("exec", "auth-provider")
_UNSUPPORTED = ("as-user-extra",)


class Kubeconfig(msgspec.Struct, frozen=True):
    """The current context of a kubeconfig. `cluster_at` and `user_at` name the parts it was read from."""

    server: str
    cluster: dict[str, Any]
    user: dict[str, Any]
    cluster_at: str
    user_at: str

    def __repr__(self) -> str:
        return f"Kubeconfig(server={self.server!r}, ...)"

    @property
    def plugin(self) -> str:
        """`exec` or `auth-provider` where a plugin gives the credentials, else empty."""
        return next((name for name in _PLUGINS if self.user.get(name)), "")

    @property
    def impersonation(self) -> dict[str, str]:
        """Headers that make us act as somebody else."""
        names = {"as": "Impersonate-User", "as-uid": "Impersonate-Uid"}
        return {header: self.text(self.user, key, self.user_at) for key, header in names.items() if self.user.get(key)}

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups to act as."""
        return tuple(str(group) for group in self.user.get("as-groups") or ())

    @property
    def verify(self) -> bool:
        """Whether the server's certificate is checked."""
        return self.cluster.get("insecure-skip-tls-verify") is not True

    def refuse_references(self) -> None:
        """Raise AccessError when it would run a program or read a file: one from a Secret may do neither."""
        for key in _PLUGINS:
            if self.user.get(key):
                raise AccessError(
                    f"{self.user_at}.{key} would run a plugin in the controller's Pod",
                    field=f"{self.user_at}.{key}",
                    remedy="use a token or a client certificate",
                )
        references = [(self.user, key, self.user_at) for key in _USER_FILES]
        for part, key, where in [(self.cluster, "certificate-authority", self.cluster_at), *references]:
            if part.get(key):
                instead = "token" if key == "tokenFile" else f"{key}-data"
                raise AccessError(
                    f"{where}.{key} names a file of the controller's Pod",
                    field=f"{where}.{key}",
                    remedy=f"put its content into {instead}",
                )

    def text(self, part: dict[str, Any], key: str, where: str) -> str:
        """A string of the cluster or the user, empty when absent; raises AccessError when it is none."""
        value = part.get(key)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.isprintable():
            raise AccessError(f"{where}.{key} is not a line of text", field=f"{where}.{key}")
        return value

    def data(self, part: dict[str, Any], key: str, where: str) -> bytes:
        """The decoded base64 of `<key>-data`; raises AccessError when it is none."""
        field = f"{where}.{key}-data"
        value = part.get(f"{key}-data")
        if value is None:
            return b""
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (AttributeError, TypeError, ValueError, binascii.Error):
            raise AccessError(f"{field} is not base64", field=field) from None

    @property
    def authorization(self) -> str:
        """The Authorization header that its own fields give; empty when they give none."""
        token = self.text(self.user, "token", self.user_at)
        if token:
            return f"Bearer {token}"
        name = self.text(self.user, "username", self.user_at)
        password = self.text(self.user, "password", self.user_at)
        if name:
            return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        return ""


def parse(content: bytes) -> Kubeconfig:
    """Read a kubeconfig's current context; raises AccessError that names the field. Slow: not for the event loop."""
    if len(content) > SIZE_LIMIT:
        raise AccessError(f"the kubeconfig has {len(content)} bytes", remedy=f"at most {SIZE_LIMIT} are read")
    try:
        _check_shape(content)
        document = yaml.load(content, Loader=_LOADER)  # noqa: S506 - both loaders are safe
    except (yaml.YAMLError, ValueError):
        raise AccessError("the kubeconfig is not YAML") from None  # the parser's message would quote it
    if not isinstance(document, dict):
        raise AccessError("the kubeconfig is not a mapping")
    name = document.get("current-context")
    if not name:
        raise AccessError("current-context is not set", field="current-context")
    context, _ = _named(document, "contexts", "context", name)
    cluster, cluster_at = _named(document, "clusters", "cluster", context.get("cluster"))
    user, user_at = _named(document, "users", "user", context.get("user")) if context.get("user") else ({}, "user")
    for key in _UNSUPPORTED:
        if user.get(key):
            raise AccessError(f"{user_at}.{key} is not supported", field=f"{user_at}.{key}")
    return Kubeconfig(_server(cluster, cluster_at), cluster, user, cluster_at, user_at)


def _check_shape(content: bytes) -> None:
    """Refuse what would take all memory or overflow the loader's stack, which ends the process."""
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise AccessError("the kubeconfig holds a YAML alias", remedy="write the value out")
        if depth > DEPTH_LIMIT:
            raise AccessError(f"the kubeconfig is nested deeper than {DEPTH_LIMIT} levels")


def _named(document: dict[Any, Any], plural: str, singular: str, name: Any) -> tuple[dict[str, Any], str]:
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(singular) or {}
            if isinstance(found, dict):
                return found, f"{plural}[name={name}].{singular}"
    raise AccessError(f"{plural} has no entry with the name {name!r}", field=plural)


def _server(cluster: dict[str, Any], where: str) -> str:
    server = cluster.get("server")
    field = f"{where}.server"
    try:
        parts = urlsplit(server) if isinstance(server, str) else urlsplit("")
        usable = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.query or parts.fragment:
        raise AccessError(f"{field} is not a URL of the form https://host:port", field=field)
    return str(server).rstrip("/")
