"""Access: the ways into a cluster."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from controller.kube import kubeconfig, plugin
from controller.kube.credentials import Credentials
from controller.kube.errors import AccessError
from controller.kube.kubeconfig import Kubeconfig
from controller.kube.tls import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Access:
    """Where an API server is, and how to be let in. Its repr shows no secret."""

    server: str
    credentials: Credentials
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    """Name the server's certificate must hold; empty: the host of `server`."""
    proxy: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every request: impersonation."""


async def in_cluster(serviceaccount_dir: Path, environ: Mapping[str, str]) -> Access:
    """The cluster this Pod runs in, as its ServiceAccount; the token is read again every minute.

    Raises AccessError when we are not in a Pod, or its token isn't mounted.
    """
    loader = await asyncio.to_thread(plugin.Serviceaccount, serviceaccount_dir, dict(environ))
    tls = await asyncio.to_thread(lambda: client_context(ca=loader.ca()))
    return Access(loader.server, Credentials(loader.authorization, loader.renew), tls)


async def from_kubeconfig_file(path: str | Path) -> Access:
    """The current context of a kubeconfig that the operator of this process gave.

    It may name files and run the plugins it names, as kubectl does. Raises AccessError that names the field.
    """
    path = Path(path)
    config = await asyncio.to_thread(_parse_file, path)
    if config.plugin:
        source = plugin.Plugin(config)
        authorization = await source.renew()
        credentials = Credentials(authorization, source.renew)
        certificate = source.certificate
    else:
        authorization = await asyncio.to_thread(_authorization, config, path.parent)
        renewable = bool(config.user.get("tokenFile")) and not config.user.get("token")
        credentials = Credentials(authorization, lambda: asyncio.to_thread(_authorization, config, path.parent))
        credentials = credentials if renewable else Credentials(authorization)
        certificate = None
    return await asyncio.to_thread(_access, config, credentials, path.parent, certificate)


async def from_kubeconfig_bytes(data: bytes) -> Access:
    """The current context of a kubeconfig from a Secret: whoever wrote it must not reach into this Pod.

    Raises AccessError that names the field, also for plugins and for references to files.
    """

    def read() -> Access:
        try:
            config = kubeconfig.parse(data)
        except AccessError as error:
            if error.field or error.remedy:
                raise
            raise AccessError(error.message, remedy="is it the right key of the Secret?") from None
        config.refuse_references()
        return _access(config, Credentials(config.authorization), None, None)

    return await asyncio.to_thread(read)


def _parse_file(path: Path) -> Kubeconfig:
    try:
        return kubeconfig.parse(path.read_bytes())
    except OSError as error:
        raise AccessError(f"the kubeconfig {path} can't be read: {error.strerror}") from error
    except AccessError as error:
        remedy = error.remedy or ("" if error.field else "name a kubeconfig")
        raise AccessError(f"{path}: {error.message}", remedy=remedy, field=error.field) from None


def _authorization(config: Kubeconfig, base: Path) -> str:
    if config.user.get("tokenFile") and not config.user.get("token"):
        token = _content(config, "user", "tokenFile", base).decode(errors="replace").strip()
        return f"Bearer {token}"
    return config.authorization


def _content(config: Kubeconfig, part: str, key: str, base: Path | None) -> bytes:
    """What a field holds, or the file it names; data wins, as for kubectl."""
    values = config.cluster if part == "cluster" else config.user
    where = config.cluster_at if part == "cluster" else config.user_at
    data = config.data(values, key, where)
    name = config.text(values, key, where)
    if data or not name or base is None:
        return data
    try:
        return (base / name).read_bytes()
    except OSError as error:
        raise AccessError(f"{where}.{key}: {base / name}: {error.strerror}", field=f"{where}.{key}") from error


def _access(
    config: Kubeconfig, credentials: Credentials, base: Path | None, certificate: tuple[bytes, bytes] | None
) -> Access:
    ca = _content(config, "cluster", "certificate-authority", base)
    cert, key = certificate or (
        _content(config, "user", "client-certificate", base),
        _content(config, "user", "client-key", base),
    )
    if bool(cert) != bool(key):
        raise AccessError(
            f"{config.user_at} needs both client-certificate-data and client-key-data", field=config.user_at
        )
    secure = config.server.startswith("https:")
    return Access(
        server=config.server,
        credentials=credentials,
        tls=client_context(ca=ca, cert=cert, key=key, verify=config.verify) if secure else None,
        server_name=config.server_name,
        proxy=config.proxy,
        headers=(*config.impersonation.items(), *(("Impersonate-Group", group) for group in config.groups)),
    )
