"""Credentials that kubernetes_asyncio knows how to get: a Pod's ServiceAccount, exec plugins, auth providers.

Its import takes about two seconds of CPU (it loads every model of the API), so it happens where it is needed and in a
thread. Configurations that need neither are read by `controller.kube.kubeconfig` alone.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.kube.errors import AccessError, bounded

if TYPE_CHECKING:
    from controller.kube.kubeconfig import Kubeconfig


class Serviceaccount:
    """The Pod's own ServiceAccount. Reads files: make it in a thread."""

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        from kubernetes_asyncio.client import Configuration  # noqa: PLC0415
        from kubernetes_asyncio.config import ConfigException  # noqa: PLC0415
        from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415

        self._loader = InClusterConfigLoader(
            token_filename=str(directory / "token"), cert_filename=str(directory / "ca.crt"), environ=environ
        )
        self._configuration = Configuration()
        self._failures = (ConfigException, OSError)
        self._directory = directory
        try:
            self._loader.load_and_set(self._configuration)
        except self._failures as error:
            raise AccessError(
                f"this process is not in a Pod with a ServiceAccount at {directory}: {error}",
                remedy="give a kubeconfig",
            ) from error

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._configuration.host)

    @property
    def authorization(self) -> str:
        """The Authorization header with the token last read."""
        return str(self._configuration.api_key["BearerToken"]).strip()

    def ca(self) -> bytes:
        """The authority of the server's certificate, PEM."""
        return Path(str(self._configuration.ssl_ca_cert)).read_bytes()

    async def renew(self) -> str:
        """Read the token again; raises AccessError when it can't be read."""
        try:
            await asyncio.to_thread(self._loader.load_and_set, self._configuration)
        except self._failures as error:
            raise AccessError(f"the token in {self._directory} can't be read: {error}") from error
        return self.authorization


class Plugin:
    """The exec plugin or auth provider of the current context of a kubeconfig file."""

    def __init__(self, config: Kubeconfig) -> None:
        self._config = config
        self._loader: Any = None
        self.certificate: tuple[bytes, bytes] | None = None
        """Client certificate and key, PEM, where the plugin gave them."""

    async def renew(self) -> str:
        """The Authorization header; raises AccessError when the plugin fails."""
        return await asyncio.to_thread(self._run)

    def _run(self) -> str:
        from kubernetes_asyncio.client import Configuration  # noqa: PLC0415
        from kubernetes_asyncio.config import ConfigException  # noqa: PLC0415
        from kubernetes_asyncio.config.kube_config import KubeConfigLoader  # noqa: PLC0415

        field = f"{self._config.user_at}.{self._config.plugin}"
        configuration = Configuration()
        try:
            if self._loader is None:  # kept: it knows when a token expires and runs the plugin no sooner
                self._loader = KubeConfigLoader(config_dict=self._document(), config_base_path="")
            # A loop of its own, in this thread: the loader writes files and waits for the plugin's process.
            asyncio.run(self._loader.load_and_set(configuration))
            if configuration.cert_file and configuration.key_file:
                files = Path(configuration.cert_file), Path(configuration.key_file)
                self.certificate = files[0].read_bytes(), files[1].read_bytes()
        except (ConfigException, OSError, ValueError, KeyError, AssertionError, RuntimeError) as error:
            raise AccessError(f"{field} failed: {bounded(str(error), 300)}", field=field) from error
        return str(configuration.api_key.get("BearerToken", "")).strip()

    def _document(self) -> dict[str, Any]:
        """A kubeconfig with nothing but the plugin: all else is read by us."""
        user = {self._config.plugin: self._config.user[self._config.plugin]}
        return {
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": self._config.server}}],
            "users": [{"name": "one", "user": user}],
        }
