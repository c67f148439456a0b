"""Many small tasks side by side, with one failure to show for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from controller.errors import ShipslogError


async def together(name: str, work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all side by side; the first ShipslogError ends the others and is raised by itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for number, coroutine in enumerate(work):
                group.create_task(coroutine, name=f"{name} {number}")
    except* ShipslogError as failures:
        raise _first(failures) from None


def _first(group: BaseExceptionGroup[ShipslogError]) -> ShipslogError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
