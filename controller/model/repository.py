"""Repository: where Git is and how we may read it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from controller.model.base import Noun, Strict
from controller.model.condition import Conditions, ObservedGeneration
from controller.model.duration import Duration
from controller.model.names import Name
from controller.model.objects import Key

URL = r"^(https?://[^/@?#\s]+|file://)(/[^?#\s]*)?$"
"""No user, no query: both carry passwords. Left out of the API's schema, whose errors repeat the value they refuse."""


class SecretRef(Strict, frozen=True, kw_only=True):
    """A Secret in the same namespace."""

    name: Annotated[Name, Meta(description="Name of the Secret.")]


class RepositorySpec(Strict, frozen=True, kw_only=True):
    """The wish."""

    url: Annotated[
        str,
        Meta(
            description="Where Git is: https://, http:// or file://, without a user or password in it.",
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
        Meta(description="Secret with `username` and `password` for HTTP basic authentication."),
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


class Credentials(msgspec.Struct, frozen=True):
    """User and password for HTTP basic authentication. Never shown: its repr names no value."""

    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"
