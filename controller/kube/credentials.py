"""Credentials: what stands in the Authorization header, now."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from controller.kube.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

PERIOD = 60.0
"""Seconds after which a token that changes is read again; kubelet renews it long before it expires."""


class Credentials:
    """An Authorization header that renews itself. Its repr shows nothing."""

    def __init__(self, authorization: str = "", renew: Callable[[], Awaitable[str]] | None = None) -> None:
        self._authorization = authorization
        self._renew = renew
        self._read_at = time.monotonic()
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return "Credentials(...)"

    @property
    def renewable(self) -> bool:
        """Whether reading them again can give others."""
        return self._renew is not None

    async def authorization(self, *, refused: str | None = None) -> str:
        """The header's value; `refused` is the one that the server did not accept: it is read again at once."""
        if self._renew is None or not self._stale(refused):
            return self._authorization
        async with self._lock:
            if self._stale(refused):
                await self._read(self._renew)
        return self._authorization

    def _stale(self, refused: str | None) -> bool:
        return refused == self._authorization or time.monotonic() - self._read_at > PERIOD

    async def _read(self, renew: Callable[[], Awaitable[str]]) -> None:
        try:
            self._authorization = await renew()
        except AccessError as error:
            # What we hold may still be good; if it isn't, the server says so.
            log.warning("credentials could not be read again", extra={"error": str(error)})
        self._read_at = time.monotonic()
