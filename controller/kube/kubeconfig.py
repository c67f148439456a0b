"""Kubeconfig: which server, and who we are there. Pure; what it refers to is read elsewhere.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from controller.kube.errors import AccessError, bounded

SIZE_LIMIT = 1 << 20
"""Largest kubeconfig, in bytes; a Secret holds no more."""
DEPTH_LIMIT = 32
"""Deepest nesting; five levels are what the format has, and plugins add a few."""

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MEANT = ("null", "bool", "merge")
"""What a plain word may mean beside text: a number is the text it is written as, as in a field for text to kubectl."""
_LOADER: Any = type(
    "_Loader",
    (_SAFE,),
    {
        "yaml_implicit_resolvers": {
            first: [rule for rule in rules if rule[0].rpartition(":")[2] in _MEANT]
            for first, rules in _SAFE.yaml_implicit_resolvers.items()
        }
    },
)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")
_PLUGINS = ("exec", "auth-provider")
_UNSUPPORTED = ("as-user-extra",)
_SERVERS = ("https", "http")
_PROXIES = ("http", "https")
_LONGEST_HOST, _LONGEST_LABEL = 253, 63
"""Characters of a host's name, and of what stands between two dots of it (RFC 1035, section 2.3.4)."""
_LABEL = re.compile(r"[A-Za-z0-9_-]+")


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
        """Groups to act as; raises AccessError where they are no list of them."""
        groups = self.user.get("as-groups") or []
        field = f"{self.user_at}.as-groups"
        if not isinstance(groups, list):
            raise AccessError(f"{field} is not a list", field=field)
        entries = {str(number): group for number, group in enumerate(groups)}
        return tuple(self.text(entries, number, field) for number in entries)

    @property
    def server_name(self) -> str:
        """Name that the server's certificate must hold, empty: the server's; raises AccessError for what is none."""
        name = self.text(self.cluster, "tls-server-name", self.cluster_at)
        if name and not _is_host(name):
            field = f"{self.cluster_at}.tls-server-name"
            raise AccessError(f"{field} is not the name of a host", field=field)
        return name

    @property
    def proxy(self) -> str:
        """URL of the proxy on the way to the server, empty for none; raises AccessError for what is none."""
        url = self.text(self.cluster, "proxy-url", self.cluster_at)
        field = f"{self.cluster_at}.proxy-url"
        if url and not _is_address(url, _PROXIES):
            raise AccessError(f"{field} is not a URL of the form http://host:port", field=field)
        return url

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
    if not name or not isinstance(name, str):
        raise AccessError("current-context is not set", field="current-context")
    context, _ = _named(document, "contexts", "context", name)
    cluster, cluster_at = _named(document, "clusters", "cluster", context.get("cluster"))
    user, user_at = _named(document, "users", "user", context.get("user")) if context.get("user") else ({}, "user")
    for key in _UNSUPPORTED:
        if user.get(key):
            raise AccessError(f"{user_at}.{key} is not supported", field=f"{user_at}.{key}")
    return Kubeconfig(_server(cluster, cluster_at), cluster, user, cluster_at, user_at)


def _check_shape(content: bytes) -> None:
    """Refuse what would take all memory or overflow the loader's stack, which ends the process; and tags.

    A tag says what a value is to be read as, whether it can be or not: the loader breaks on those in many ways.
    """
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise AccessError("the kubeconfig holds a YAML alias", remedy="write the value out")
        if getattr(event, "tag", None) is not None:
            raise AccessError("the kubeconfig holds a YAML tag", remedy="write the value without it")
        if depth > DEPTH_LIMIT:
            raise AccessError(f"the kubeconfig is nested deeper than {DEPTH_LIMIT} levels")


def _named(document: dict[Any, Any], plural: str, singular: str, name: Any) -> tuple[dict[str, Any], str]:
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(singular) or {}
            if isinstance(found, dict):
                return found, f"{plural}[name={name}].{singular}"
    raise AccessError(f"{plural} has no entry with the name {bounded(repr(name), 100)}", field=plural)


def _server(cluster: dict[str, Any], where: str) -> str:
    server = cluster.get("server")
    field = f"{where}.server"
    if not isinstance(server, str) or not _is_address(server, _SERVERS) or urlsplit(server).username:
        raise AccessError(f"{field} is not a URL of the form https://host:port", field=field)
    return server.rstrip("/")


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it leads to a host, and to nothing more particular than a path there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        return False
    return usable and url.isprintable() and _is_host(parts.hostname or "")


def _is_host(name: str) -> bool:
    """Whether a host can have the name: a resolver or TLS breaks on one that it can't."""
    if ":" in name:
        return _is_ipv6(name)
    try:
        ascii_name = name.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:
        return False
    labels = ascii_name.split(".")
    return len(ascii_name) <= _LONGEST_HOST and all(
        0 < len(label) <= _LONGEST_LABEL and _LABEL.fullmatch(label) for label in labels
    )


def _is_ipv6(name: str) -> bool:
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return False
    return True
