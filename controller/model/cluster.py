"""Cluster: where Applications may go."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from controller.model.base import Noun, Strict
from controller.model.condition import Conditions, ObservedGeneration
from controller.model.names import Name
from controller.model.objects import Key

IN_CLUSTER = "in-cluster"
"""The cluster the controller runs in; it needs no Cluster object."""

DATA_KEY = "^[-._a-zA-Z0-9]+$"


class KubeconfigRef(Strict, frozen=True, kw_only=True):
    """A Secret that holds a kubeconfig."""

    name: Annotated[Name, Meta(description="Name of the Secret.")]
    namespace: Annotated[Name, Meta(description="Namespace of the Secret.")]
    key: Annotated[str, Meta(description="Key inside the Secret.", pattern=DATA_KEY, min_length=1, max_length=253)] = (
        "kubeconfig"
    )


class ClusterSpec(Strict, frozen=True, kw_only=True):
    """The wish."""

    kubeconfig_secret_ref: Annotated[KubeconfigRef, Meta(description="How to reach it.")]
    max_requests: Annotated[int, Meta(description="Requests that may be under way at once.", ge=1, le=1000)] = 50
    suspend: Annotated[bool, Meta(description="Write nothing there until it is false again.")] = False


class ClusterStatus(Noun, frozen=True, kw_only=True):
    """What came of it."""

    conditions: Conditions = ()
    observed_generation: ObservedGeneration = 0
    version: Annotated[str, Meta(description="Version of its API server.")] = ""
    reachable_since: Annotated[str, Meta(description="Since when it answers, RFC 3339 in UTC.")] = ""
    watched: Annotated[int, Meta(description="Objects under watch.", ge=0)] = 0


class Cluster(msgspec.Struct, frozen=True):
    """A Cluster as read from the API."""

    name: str
    uid: str
    generation: int
    spec: ClusterSpec
    status: ClusterStatus = ClusterStatus()

    @property
    def key(self) -> Key:
        """Its name in no namespace."""
        return Key("", self.name)
