"""Composition root: opens the edges, owns every task, and closes in a fixed order.

Started: probes, journal, home cluster, engine, clusters, repositories, registry, workers.
Stopped: first `/readyz` says so; then in reverse. Workers finish what they have in hand, then nothing reads or watches
any more, then the journal says goodbye and delivers, and the probes go last, so that a shutdown can be seen. Whoever
asks a second time gets an end at once: what is durable by then is durable, and the next start goes on from there.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from controller import logs
from controller.app import garbage
from controller.app.ship import Ship
from controller.app.signals import on_signal
from controller.errors import ShipslogError

if TYPE_CHECKING:
    from controller.settings import Settings

_log = logs.get_logger(__name__)


async def run(settings: Settings) -> int:
    """Run the controller until SIGTERM or SIGINT; the exit code is 0 then, and 128 and more after a second one.

    Raises ShipslogError for what makes a start impossible: settings, ServiceAccount, spool, engine.
    """
    garbage.prepare()
    stop = asyncio.Event()
    on_signal(stop.set)
    try:
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            ship = Ship(settings, group, stack)
            await ship.set_sail()
            await stop.wait()
            _log.info("Stopping: a second signal ends at once", shutdown_timeout_seconds=settings.shutdown_timeout)
            ship.server.drain()
    except* ShipslogError as errors:
        raise _first(errors) from None
    _log.info("Stopped")
    return 0


def _first(group: BaseExceptionGroup[ShipslogError]) -> ShipslogError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
