"""Ingress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, healthy

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def ingress(body: View) -> Health:
    """Healthy as soon as it exists.

    Many Ingress controllers never report an address, and an Ingress may wait for its controller on purpose: were
    an address asked for, such an Ingress would hold up every sync until its timeout.
    """
    addresses = body.section("status").section("loadBalancer").sections("ingress")
    if addresses:
        return healthy(f"The load balancer has {counted(len(addresses), 'address', 'addresses')}.")
    return healthy("No address is reported, and none is waited for.")
