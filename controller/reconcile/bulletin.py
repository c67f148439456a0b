"""What happened to a Repository or a Cluster: recorded in the order in which it came, and then told of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

from controller import logs
from controller.errors import ShipslogError
from controller.model.event import Draft, EventType

if TYPE_CHECKING:
    from controller.model.cluster import Cluster
    from controller.model.repository import Repository
    from controller.ports import Ledger
    from controller.reconcile.announce import Announcer

AGAIN = 5.0
"""Seconds until an event that could not be recorded is tried again."""
_log = logs.get_logger(__name__)


class News(NamedTuple):
    """An event to be recorded, and whom and by what word a Kubernetes Event tells of it then."""

    about: Repository | Cluster
    reason: str
    draft: Draft


class Bulletin:
    """Takes news without waiting; `run` records them one by one."""

    def __init__(self, ledger: Ledger, announcer: Announcer) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._unrecorded: News | None = None
        """The first of what is not recorded yet: nothing passes it."""

    def post(self, news: News) -> None:
        """Have it recorded, and told of then."""
        self._news.put_nowait(news)

    async def run(self) -> None:
        """Record events in the order in which they came, and then tell of them, for ever."""
        while True:
            news = self._unrecorded = self._unrecorded or await self._news.get()
            try:
                await self._ledger.append(news.draft)
            except ShipslogError as error:
                _log.warning("Event not recorded yet", error=str(error))
                await asyncio.sleep(AGAIN)
                continue
            except Exception:  # noqa: BLE001 - what can't be recorded at all must not hold back the rest
                _log.exception("Event lost to a fault", object=str(news.about.key), reason=news.reason)
                self._unrecorded = None
                continue
            self._unrecorded = None
            await self.announce(news)

    async def announce(self, news: News) -> None:
        """Emit the Kubernetes Event about what is recorded."""
        draft = news.draft
        fine = draft.outcome == "success" and draft.type is not EventType.REVISION_REWRITTEN
        kind: Literal["Normal", "Warning"] = "Normal" if fine else "Warning"
        await self._announcer.event(news.about, news.reason, draft.reason, kind=kind)
