"""A real engine, and trees in memory for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from controller.render import EnginePool, Renderer, locate_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def engine() -> Path:
    """The engine's binary: the one that is set, as for the controller, else the checkout's."""
    return locate_engine(os.environ.get("SHIPSLOG_ENGINE", ""))


@pytest_asyncio.fixture
async def pool(engine: Path) -> AsyncIterator[EnginePool]:
    """A pool of one worker, with bounds that a hostile input reaches soon."""
    async with EnginePool(engine, size=1, deadline=20, memory=384 << 20) as pool:
        yield pool


@pytest.fixture
def renderer(pool: EnginePool) -> Renderer:
    """A renderer with an empty cache."""
    return Renderer(pool)
