"""Repository: where Git is and how we may read it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controller.model.base import Noun, Strict
from controller.model.condition import Conditions, ObservedGeneration
from controller.model.duration import Duration
from controller.model.names import Name
from controller.model.objects import Key

URL = r"^(https?://[^/@?#\s]+|ssh://([A-Za-z0-9._][^/@:?#\s]*@)?[A-Za-z0-9\[][^/@?#\s]*|file://)(/[^?#\s]*)?$"
"""No password, no query, a user for SSH alone. Left out of the API's schema, whose errors repeat what they refuse."""
PROXY = r"^(https?|socks5h?)://[^/@?#\s]+/?$"


class SecretRef(Strict, frozen=True, kw_only=True):
    """A Secret in the same namespace."""

    name: Annotated[Name, Meta(description="Name of the Secret.")]


class Verification(Strict, frozen=True, kw_only=True):
    """Whose signature a revision needs."""

    mode: Annotated[
        Literal["head", "tag", "tagAndHead"],
        Meta(
            description="What must be signed: the commit, the annotated tag that names it, or both. The last two take "
            "Applications that follow a tag or a range of versions."
        ),
    ] = "head"
    secret_ref: Annotated[
        SecretRef,
        Meta(
            description="Secret with the public keys whose signatures count: OpenPGP keys in armour, and SSH keys as "
            "in a `.pub` file, under any names."
        ),
    ]


class RepositorySpec(Strict, frozen=True, kw_only=True):
    """The wish."""

    url: Annotated[
        str,
        Meta(
            description="Where Git is: https://, http://, ssh://USER@HOST/PATH or file://, without a password in it.",
            pattern=URL,
            min_length=1,
            max_length=2048,
            extra_json_schema={"pattern": None},
        ),
    ]
    interval: Annotated[Duration, Meta(description="Time between two looks at the refs.")] = "30s"
    timeout: Annotated[Duration, Meta(description="Longest time one conversation with the server may take.")] = "60s"
    secret_ref: Annotated[
        SecretRef | None,
        Meta(
            description="Secret with what the server asks for. HTTP: `username` and `password`, or `bearerToken`; "
            "`tls.crt` and `tls.key` of a client certificate; `ca.crt`, whom to trust instead of the system's "
            "authorities. SSH: `identity` (a private key), `known_hosts`, and `password` of the key if it has one."
        ),
    ] = None
    proxy_secret_ref: Annotated[
        SecretRef | None,
        Meta(
            description="Secret with the proxy's `address` (http://, https://, socks5:// or socks5h://HOST:PORT), and "
            "`username` and `password` if it asks for them. Not for SSH."
        ),
    ] = None
    verify: Annotated[
        Verification | None, Meta(description="Apply signed revisions only; any other is refused, what stands stays.")
    ] = None
    suspend: Annotated[bool, Meta(description="Look at the refs no more until it is false again.")] = False


class RepositoryStatus(Noun, frozen=True, kw_only=True):
    """What came of it."""

    conditions: Conditions = ()
    observed_generation: ObservedGeneration = 0
    refs: Annotated[int, Meta(description="Number of refs the server has.", ge=0)] = 0
    head: Annotated[str, Meta(description="Object id of the default branch's head.")] = ""
    last_fetch: Annotated[str, Meta(description="When something was last fetched, RFC 3339 in UTC.")] = ""


class Repository(msgspec.Struct, frozen=True):
    """A Repository as read from the API."""

    key: Key
    uid: str
    generation: int
    spec: RepositorySpec
    status: RepositoryStatus = RepositoryStatus()


class Proxy(msgspec.Struct, frozen=True):
    """A proxy. Never shown: its repr names no value."""

    address: str
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Proxy(...)"


class Credentials(msgspec.Struct, frozen=True):
    """How we show a server who we are, and by what we know it. Never shown: its repr names no value."""

    username: str = ""
    password: str = ""
    """With `username` for HTTP; the passphrase of `identity`."""
    bearer_token: str = ""
    authorities: str = ""
    """Certificates (PEM) of whom to trust instead of the system's authorities."""
    certificate: str = ""
    certificate_key: str = ""
    identity: str = ""
    """A private key for SSH."""
    known_hosts: str = ""
    """The host keys of SSH servers, as in sshd(8)."""
    proxy: Proxy | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log, error or event may ever hold."""
        proxy = self.proxy.password if self.proxy else ""
        return tuple(filter(None, (self.password, self.bearer_token, self.certificate_key, self.identity, proxy)))
