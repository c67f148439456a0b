"""The render engine for one command."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from controller.render import EnginePool, Renderer, locate_engine
from controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def engine(path: str) -> AsyncIterator[Renderer]:
    """A renderer with one process; its bounds are the settings of the controller, from the environment."""
    settings = Settings.from_environment(os.environ)
    pool = EnginePool(
        await asyncio.to_thread(locate_engine, path),
        size=1,
        deadline=settings.render_timeout,
        memory=settings.render_memory,
    )
    async with pool:
        yield Renderer(pool)
