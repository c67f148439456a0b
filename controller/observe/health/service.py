"""Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.observe.health.verdict import counted, healthy, progressing

if TYPE_CHECKING:
    from controller.model.health import Health
    from controller.observe.health.view import View


def service(body: View) -> Health:
    """Healthy as soon as it exists; of type LoadBalancer when it has an address, which is what it asks for."""
    spec = body.section("spec")
    if spec.text("type") != "LoadBalancer":
        return healthy("The Service exists.")
    addresses = body.section("status").section("loadBalancer").sections("ingress")
    if addresses:
        return healthy(f"The load balancer has {counted(len(addresses), 'address', 'addresses')}.")
    if spec.has("externalIPs"):
        return healthy("The Service is reached by its external addresses.")
    return progressing("The load balancer has no address yet.")
