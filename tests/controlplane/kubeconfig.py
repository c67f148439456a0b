"""Kubeconfigs in JSON (which every client reads as YAML), and tokens of ServiceAccounts."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.controlplane.port import Plane

USER_KUBECONFIG = "SHIPSLOG_TEST_KUBECONFIG"


def user_kubeconfig(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The kubeconfig of a cluster that the user wants to be used instead of one made here.

    Only `SHIPSLOG_TEST_KUBECONFIG` says so: a developer's ordinary `KUBECONFIG` may name a cluster that matters, and
    the tests write to what they are given.

    Raises:
        FileNotFoundError: the variable names no file.
    """
    given = environment.get(USER_KUBECONFIG)
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{USER_KUBECONFIG}={given}: no such file: unset it to use a control plane made here")
    return path


def write_kubeconfig(path: Path, *, name: str, server: str, ca: dict[str, str], user: dict[str, str]) -> Path:
    """Write a kubeconfig of one context, readable by its owner only.

    Args:
        path: The file, replaced in one step.
        name: Of its cluster, user and context.
        server: URL of the API server.
        ca: `certificate-authority` (a path) or `certificate-authority-data`.
        user: The user's credentials, such as `token`.
    """
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, **ca}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(content, indent=1), encoding="utf-8")
    new.replace(path)
    return path


def authority(ca_file: Path) -> dict[str, str]:
    """The certificate authority, embedded so that the kubeconfig can travel in a Secret."""
    return {"certificate-authority-data": base64.b64encode(ca_file.read_bytes()).decode()}


def token(plane: Plane, namespace: str, name: str, *, seconds: int = 3600) -> str:
    """A token of an existing ServiceAccount by the TokenRequest API, valid for so many seconds (at least 600)."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = plane.admin.create(
        path,
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        },
    )
    return str(answer["status"]["token"])


def service_account_kubeconfig(plane: Plane, namespace: str, name: str) -> Path:
    """A kubeconfig that acts as an existing ServiceAccount, beside the plane's own."""
    return write_kubeconfig(
        plane.directory / f"{namespace}.{name}.kubeconfig",
        name=f"{plane.name}-{namespace}-{name}",
        server=plane.url,
        ca=authority(plane.ca_file),
        user={"token": token(plane, namespace, name)},
    )
