"""The home cluster as the command line reaches it, and as whom."""

from __future__ import annotations

import contextlib
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from controller.kube.access import from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
from controller.kube.errors import AccessError, ApiError
from controller.model.cluster import IN_CLUSTER
from controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from controller.ports import Cluster

SIZE_LIMIT = 1 << 20
"""Bytes of a kubeconfig that are read."""


class Place(msgspec.Struct, frozen=True):
    """Where the home cluster is: a kubeconfig, or the ServiceAccount of the Pod we are in."""

    kubeconfig: Path | None
    namespace: str
    user: str
    serviceaccount: Path


def locate(kubeconfig: str = "", environment: Mapping[str, str] = os.environ) -> Place:
    """Find the home cluster: the option, KUBECONFIG, ~/.kube/config, the Pod. Not for the event loop.

    Raises AccessError that names all places when there is none.
    """
    serviceaccount = Path(environment.get("SHIPSLOG_SERVICEACCOUNT_DIR") or Settings().serviceaccount_dir)
    given = kubeconfig or first_of_variable(environment.get("KUBECONFIG", "")) or _default(environment)
    if given:
        if not Path(given).is_file():
            raise AccessError(f"there is no kubeconfig {given}", remedy="correct --kubeconfig or KUBECONFIG")
        namespace, user = _context(Path(given))
        return Place(Path(given), namespace or "default", user or _login(environment), serviceaccount)
    if (serviceaccount / "token").exists():
        mounted = serviceaccount / "namespace"
        namespace = mounted.read_text(encoding="utf-8").strip() if mounted.exists() else ""
        return Place(None, namespace or "default", _login(environment), serviceaccount)
    raise AccessError(
        "there is no kubeconfig, and this is no Pod", remedy="give --kubeconfig, or set KUBECONFIG to its path"
    )


@contextlib.asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Cluster]:
    """The home cluster, closed at the end of the block."""
    if place.kubeconfig:
        access = await from_kubeconfig_file(place.kubeconfig)
    else:
        access = await in_cluster(place.serviceaccount, dict(os.environ))
    cluster = open_cluster(IN_CLUSTER, access)
    try:
        yield cluster
    finally:
        await cluster.close()


async def whoami(cluster: Cluster, otherwise: str) -> str:
    """The name by which the API server knows us; what the kubeconfig says where it does not tell (before 1.28)."""
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {"generateName": "shipslog-"},
    }
    try:
        answer = await cluster.create(review)
    except ApiError:
        return otherwise
    return _text(_get(_get(answer.get("status"), "userInfo"), "username")) or otherwise


def first_of_variable(variable: str) -> str:
    """The first file of KUBECONFIG that is there; where none is, the first one, so that its absence is told."""
    names = [name for name in variable.split(os.pathsep) if name]
    return next((name for name in names if Path(name).exists()), names[0] if names else "")


def _default(environment: Mapping[str, str]) -> str:
    path = Path(environment.get("HOME") or "/") / ".kube" / "config"
    return str(path) if path.exists() else ""


def _context(path: Path) -> tuple[str, str]:
    """Namespace and user of the current context, as far as the file tells; what is wrong with it, access says."""
    try:
        with path.open("rb") as file:
            document = yaml.safe_load(file.read(SIZE_LIMIT))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return "", ""
    current = _get(document, "current-context")
    contexts = _get(document, "contexts")
    for entry in contexts if isinstance(contexts, list) else ():
        if _get(entry, "name") == current:
            context = _get(entry, "context")
            return _text(_get(context, "namespace")), _text(_get(context, "user"))
    return "", ""


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _login(environment: Mapping[str, str]) -> str:
    name = environment.get("USER", "")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id may have no name
        return f"uid {os.getuid()}"
