"""What tests and demo ask of a cluster, whoever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.admin import Admin


class Plane(Protocol):
    """A cluster that may be written to: `ControlPlane`, made here, or `GivenCluster`, the user's."""

    name: str
    directory: Path
    url: str
    admin_token: str
    ca_file: Path
    kubeconfig: Path

    @property
    def admin(self) -> Admin:
        """Plain requests as the administrator."""
        ...

    def remember(self) -> None:
        """Have `reset` come back to what is there now."""
        ...

    def reset(self) -> None:
        """Remove what was made since."""
        ...

    def stop(self) -> None:
        """End it, or give it back."""
        ...
