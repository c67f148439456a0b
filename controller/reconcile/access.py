"""What the Secrets of a Repository say: how to log in, and whose signatures count. Read anew each time."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from controller import logs
from controller.errors import Terminal
from controller.model.objects import ObjectId
from controller.model.repository import PROXY, Credentials, Proxy, SecretRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.objects import Key
    from controller.model.repository import Repository
    from controller.ports import Cluster

LARGEST = 256 << 10
"""Characters of one value: room for a bundle of certificates or a keyring."""


class Access(NamedTuple):
    """What the Secrets say. `problem` tells why they can't be used, with the remedy on its second line."""

    credentials: Credentials | None = None
    keys: tuple[tuple[str, str], ...] = ()
    """Public keys for signatures: name in the Secret and text, sorted."""
    problem: str = ""


async def access_of(home: Cluster, repository: Repository) -> Access:
    """Read all Secrets that the Repository names.

    Raises:
        Transient: the API server can't be asked.
    """
    try:
        return await _Reader(home, repository.key).access(repository)
    except Terminal as error:
        return Access(problem=f"{error.message}\n{error.remedy}")


class _Reader:
    def __init__(self, home: Cluster, key: Key) -> None:
        self._home = home
        self._key = key

    async def access(self, repository: Repository) -> Access:
        spec = repository.spec
        credentials: Credentials | None = None
        keys: tuple[tuple[str, str], ...] = ()
        if spec.secret_ref is not None:
            secret = await self._secret("spec.secretRef", spec.secret_ref)
            credentials = _ssh(secret) if spec.url.startswith("ssh://") else _http(secret)
        if spec.proxy_secret_ref is not None:
            proxy = _proxy(await self._secret("spec.proxySecretRef", spec.proxy_secret_ref))
            credentials = msgspec.structs.replace(credentials or Credentials(), proxy=proxy)
        if spec.verify is not None:
            secret = await self._secret("spec.verify.secretRef", spec.verify.secret_ref)
            keys = tuple(sorted((name, secret.text(name)) for name in secret.data))
            if not keys:
                raise secret.wrong("it holds no public key", "add one, as in release.asc or release.pub")
        for value in credentials.secrets if credentials else ():
            logs.secret(value)
        return Access(credentials, keys)

    async def _secret(self, field: str, reference: SecretRef) -> _Secret:
        place = f"{field}: Secret {self._key.namespace}/{reference.name}"
        body = await self._home.get(ObjectId("", "Secret", self._key.namespace, reference.name), "v1")
        if body is None:
            raise Terminal(f"{place} does not exist", remedy="create it, or correct the name")
        return _Secret(place, body.get("data") or {})


class _Secret(NamedTuple):
    place: str
    data: Mapping[str, Any]

    def text(self, *names: str) -> str:
        """The value of the first of these keys that there is; empty when there is none."""
        name = next((name for name in names if name in self.data), None)
        if name is None:
            return ""
        try:
            text = base64.b64decode(self.data[name], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, TypeError):
            raise self.wrong(f"{name} is no text", "store UTF-8 text") from None
        if len(text) > LARGEST:
            raise self.wrong(f"{name} is longer than {LARGEST} characters", "remove what is not needed")
        return text

    def needed(self, *names: str) -> str:
        """As `text`; raises Terminal where there is none."""
        text = self.text(*names)
        if not text.strip():
            raise self.wrong(f"it has no key {names[0]!r}", "add it")
        return text

    def wrong(self, what: str, remedy: str) -> Terminal:
        return Terminal(f"{self.place}: {what}", remedy=remedy)


def _http(secret: _Secret) -> Credentials:
    credentials = Credentials(
        username=secret.text("username"),
        password=secret.text("password"),
        bearer_token=secret.text("bearerToken").strip(),
        authorities=secret.text("ca.crt"),
        certificate=secret.text("tls.crt"),
        certificate_key=secret.text("tls.key"),
    )
    if credentials.bearer_token and (credentials.username or credentials.password):
        raise secret.wrong("it has bearerToken beside username or password", "remove one of them")
    for name, other in (
        ("username", "password"),
        ("password", "username"),
        ("tls.crt", "tls.key"),
        ("tls.key", "tls.crt"),
    ):
        if name in secret.data and other not in secret.data:
            raise secret.wrong(f"it has no key {other!r}", "add it")
    if credentials == Credentials():
        remedy = "add username and password, bearerToken, tls.crt and tls.key, or ca.crt"
        raise secret.wrong("it holds nothing to log in with over HTTP", remedy)
    return credentials


def _ssh(secret: _Secret) -> Credentials:
    return Credentials(
        identity=secret.needed("identity", "ssh-privatekey"),
        known_hosts=secret.needed("known_hosts"),
        password=secret.text("password"),
    )


def _proxy(secret: _Secret) -> Proxy:
    address = secret.needed("address").strip()
    if not re.match(PROXY, address):
        remedy = "write http://, https://, socks5:// or socks5h://HOST:PORT, and the login into username and password"
        raise secret.wrong("address is no address of a proxy", remedy)
    return Proxy(address, secret.text("username"), secret.text("password"))
