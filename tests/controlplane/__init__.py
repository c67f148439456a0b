"""Real Kubernetes control planes on loopback, several side by side: for the demo and the tests (Linux only).

`home("one", root, binaries=...)` gives one, or the cluster of the kubeconfig that `SHIPSLOG_TEST_KUBECONFIG` names;
`ControlPlane.start` and `python -m tests.controlplane up --name one` make one whatever the user gave. The binaries come
from `tests/controlplane/build.sh`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.controlplane.given import GivenCluster
from tests.controlplane.kubeconfig import service_account_kubeconfig, token, user_kubeconfig
from tests.controlplane.plane import ControlPlane, ControlPlaneError, start_all
from tests.controlplane.port import Plane

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ControlPlane",
    "ControlPlaneError",
    "GivenCluster",
    "Plane",
    "home",
    "service_account_kubeconfig",
    "start_all",
    "token",
    "user_kubeconfig",
]


def home(name: str, root: Path, *, binaries: Path, detached: bool = False) -> Plane:
    """The user's cluster where `SHIPSLOG_TEST_KUBECONFIG` names one, else a control plane made here.

    Raises:
        ControlPlaneError: it can't be used, or none could be started.
        FileNotFoundError: the variable names no file.
    """
    given = user_kubeconfig()
    if given is not None:
        return GivenCluster.take(name, root, given)
    return ControlPlane.start(name, root, binaries=binaries, detached=detached)
