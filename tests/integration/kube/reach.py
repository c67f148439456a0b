"""Clients of a control plane, by a kubeconfig."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from controller.kube.access import from_kubeconfig_bytes
from controller.kube.cluster import ApiCluster, open_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def reached(
    kubeconfig: bytes, max_requests: int = 50, on_request: Callable[[str, int, float], None] | None = None
) -> AsyncIterator[ApiCluster]:
    """The cluster that the kubeconfig names, for as long as the block lasts."""
    cluster = open_cluster("one", await from_kubeconfig_bytes(kubeconfig), max_requests, on_request)
    try:
        yield cluster
    finally:
        await cluster.close()
