"""Credentials that renew themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.kube import credentials
from controller.kube.credentials import Credentials
from controller.kube.errors import AccessError

if TYPE_CHECKING:
    import pytest


class Source:
    """Gives another token each time."""

    def __init__(self) -> None:
        self.read = 0

    async def renew(self) -> str:
        """The next one."""
        self.read += 1
        await asyncio.sleep(0)
        return f"Bearer {self.read}"


async def test_a_token_is_read_again_after_a_minute_by_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that it costs nothing."""
    source = Source()
    held = Credentials("Bearer 0", source.renew)
    assert await held.authorization() == "Bearer 0"

    monkeypatch.setattr(credentials, "PERIOD", 0.0)
    renewed = asyncio.gather(*(held.authorization() for _ in range(10)))
    await asyncio.sleep(0)
    monkeypatch.setattr(credentials, "PERIOD", 60.0)

    assert set(await renewed) == {"Bearer 1"}
    assert source.read == 1


async def test_a_refused_token_is_read_again_at_once_and_once() -> None:
    """Ten requests refused with the same token are one reading."""
    source = Source()
    held = Credentials("Bearer 0", source.renew)

    renewed = await asyncio.gather(*(held.authorization(refused="Bearer 0") for _ in range(10)))

    assert set(renewed) == {"Bearer 1"}
    assert source.read == 1


async def test_what_can_not_be_read_again_is_kept() -> None:
    """It may still be good."""

    async def fail() -> str:
        raise AccessError("gone")

    held = Credentials("Bearer 0", fail)

    assert await held.authorization(refused="Bearer 0") == "Bearer 0"


async def test_fixed_credentials_stay() -> None:
    """There is nothing to read."""
    held = Credentials("Bearer 0")

    assert not held.renewable
    assert await held.authorization(refused="Bearer 0") == "Bearer 0"
    assert "Bearer" not in repr(held)
