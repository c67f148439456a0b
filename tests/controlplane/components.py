"""What a control plane is made of: the command lines of its five processes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.ground.ports import free_ports
from tests.ground.processes import Component

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one control plane."""

    etcd: int
    etcd_peer: int
    api: int

    @classmethod
    def pick(cls) -> Ports:
        """Three ports that are free now; whoever loses the race for one starts again with others."""
        return cls(*free_ports(3))


def components(root: Path, ports: Ports, binaries: Path) -> list[Component]:
    """The processes in the order in which they start.

    They are killed when they are to stop: every start begins with an empty etcd, so there is nothing to save.
    """
    kube, etcd = str(binaries / "kube"), f"http://127.0.0.1:{ports.etcd}"
    kubeconfig = f"--kubeconfig={root / 'kubeconfig'}"

    def component(name: str, *argv: str, listen: int | None = None) -> Component:
        return Component(
            name=name,
            argv=argv,
            log=root / f"{name}.log",
            listen=None if listen is None else ("127.0.0.1", listen),
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(root)},
            directory=str(root),
            stop_signal=signal.SIGKILL,
        )

    return [
        component("etcd", kube, "etcd", *_etcd(root, ports), listen=ports.etcd),
        component("kube-apiserver", kube, "kube-apiserver", *_api_server(root, ports, etcd), listen=ports.api),
        component("kube-controller-manager", kube, "kube-controller-manager", kubeconfig, *_controller_manager(root)),
        component("kube-scheduler", kube, "kube-scheduler", kubeconfig, *_scheduler()),
        component("kwok", str(binaries / "kwok"), kubeconfig, *_kwok(binaries)),
    ]


def _etcd(root: Path, ports: Ports) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        f"--data-dir={root / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=one={peer}",
        "--name=one",
        "--unsafe-no-fsync",  # the data is thrown away
        f"--quota-backend-bytes={8 * 2**30}",
        "--log-level=warn",
    ]


def _api_server(root: Path, ports: Ports, etcd: str) -> list[str]:
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.api}",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={root / 'certs'}",
        f"--token-auth-file={root / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={root / 'service-account.key'}",
        f"--service-account-signing-key-file={root / 'service-account.key'}",
    ]


def _controller_manager(root: Path) -> list[str]:
    return [
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={root / 'service-account.key'}",
        f"--root-ca-file={root / 'certs' / 'apiserver.crt'}",
        # The defaults (20 and 30) delay the status of the hundredth Deployment by seconds.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--enable-garbage-collector=true",
        "--concurrent-gc-syncs=10",
        "--concurrent-namespace-syncs=10",
    ]


def _scheduler() -> list[str]:
    return ["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"]


def _kwok(binaries: Path) -> list[str]:
    stages = sorted((binaries / "kwok-stages").glob("*.yaml"))
    return [
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        "--cidr=10.244.0.0/16",
        *(f"--config={stage}" for stage in stages),
    ]
