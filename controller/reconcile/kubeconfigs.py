"""Kubeconfigs of Clusters, out of the Secrets that hold them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from controller.errors import Terminal
from controller.model.objects import ObjectId

if TYPE_CHECKING:
    from controller import ports
    from controller.model.cluster import Cluster


class SecretUnusable(Terminal):
    """The Secret that holds the kubeconfig is not there, or does not hold it."""


class KubeconfigRefused(Terminal):
    """The kubeconfig is no good, or would reach into our Pod."""


def place_of(cluster: Cluster) -> str:
    """The field and the Secret, for errors."""
    reference = cluster.spec.kubeconfig_secret_ref
    return f"spec.kubeconfigSecretRef: Secret {reference.namespace}/{reference.name}"


async def kubeconfig_of(home: ports.Cluster, cluster: Cluster) -> bytes:
    """What the Cluster's Secret holds; raises SecretUnusable that names the Secret and what is wrong with it."""
    reference = cluster.spec.kubeconfig_secret_ref
    place = place_of(cluster)
    secret = await home.get(ObjectId("", "Secret", reference.namespace, reference.name), "v1")
    if secret is None:
        raise SecretUnusable(f"{place} does not exist", remedy="create it, or correct the reference")
    try:
        return base64.b64decode((secret.get("data") or {})[reference.key], validate=True)
    except KeyError:
        raise SecretUnusable(f"{place} has no key {reference.key!r}", remedy="add it, or correct the key") from None
    except binascii.Error:
        raise SecretUnusable(f"{place}: {reference.key} is not base64", remedy="store it anew") from None
