"""Real Kubernetes control planes on loopback, several side by side: for the demo and the tests (Linux only).

`ControlPlane.start("one", root, binaries=...)` or `python -m tests.controlplane up --name one`. The binaries come from
`tests/controlplane/build.sh`.
"""

from __future__ import annotations

from tests.controlplane.kubeconfig import service_account_kubeconfig, token, user_kubeconfig
from tests.controlplane.plane import ControlPlane, ControlPlaneError, start_all

__all__ = [
    "ControlPlane",
    "ControlPlaneError",
    "service_account_kubeconfig",
    "start_all",
    "token",
    "user_kubeconfig",
]
