"""Make it so: server-side apply in order, then prune in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from controller.apply.order import is_foundation, ranks, reversed_ranks
from controller.apply.together import together
from controller.errors import ShipslogError, Terminal, Transient
from controller.model.base import Json
from controller.model.objects import ObjectId
from controller.model.plan import Action, Plan, Step

if TYPE_CHECKING:
    from controller.ports import Cluster

IN_FLIGHT = 50
ESTABLISH_TIMEOUT = 60.0
"""Seconds that a Namespace may take to be active, a CustomResourceDefinition to be established."""


class Result(msgspec.Struct, frozen=True):
    """What came of one step. `answer` is the server's after an apply; `error` is empty on success."""

    step: Step
    answer: Json | None = None
    error: str = ""
    seconds: float = 0.0
    transient: bool = False


OnResult = Callable[[Result], Awaitable[None]]


async def execute(cluster: Cluster, plan: Plan, on_result: OnResult) -> tuple[Result, ...]:
    """Execute the plan's writes; each result is reported as it comes, and all are returned.

    Nothing is raised for an object that fails: the others go on, except that nothing follows a foundation that
    does not stand, and nothing is pruned after a failure.
    """
    run = _Execution(cluster, on_result)
    applies = [step for step in plan.writes if step.action is not Action.PRUNE]
    foundations = [step for step in applies if is_foundation(step)]
    await run.apply_ranks(foundations)
    await run.establish(foundations)
    if not run.failed:
        await run.check_deferred([step for step in applies if step.deferred])
    if not run.failed:
        await run.apply_ranks([step for step in applies if not is_foundation(step)])
    if not run.failed:
        await run.prune([step for step in plan.writes if step.action is Action.PRUNE])
    return tuple(run.results)


class _Execution:
    """One execution under way."""

    def __init__(self, cluster: Cluster, on_result: OnResult) -> None:
        self.cluster = cluster
        self.results: list[Result] = []
        self.failed = False
        self._report = on_result
        self._gate = asyncio.Semaphore(IN_FLIGHT)

    async def apply_ranks(self, steps: Sequence[Step]) -> None:
        for rank in ranks(steps):
            await together("apply", (self._attempt(step, self._apply) for step in rank))

    async def prune(self, steps: Sequence[Step]) -> None:
        for rank in reversed_ranks(steps):
            await together("prune", (self._attempt(step, self._delete) for step in rank))

    async def check_deferred(self, steps: Sequence[Step]) -> None:
        """Dry-run what could not be dry-run before its foundation stood, all of it before any is written."""
        await together("check", (self._attempt(step, self._check, quiet=True) for step in steps))

    async def establish(self, steps: Sequence[Step]) -> None:
        for step in steps:
            await self._attempt(step, self._stand, quiet=True)
            self.cluster.forget()

    async def _attempt(self, step: Step, act: Callable[[Step], Awaitable[Json | None]], *, quiet: bool = False) -> None:
        async with self._gate:
            started = time.monotonic()
            answer, error, transient = None, "", False
            try:
                answer = await act(step)
            except ShipslogError as failure:
                error, transient = str(failure), not isinstance(failure, Terminal)
                self.failed = True
        if quiet and not error:
            return
        result = Result(step, answer, error, time.monotonic() - started, transient)
        self.results.append(result)
        await self._report(result)

    async def _apply(self, step: Step) -> Json:
        assert step.manifest is not None  # noqa: S101 - creates and updates carry their wish
        return await self.cluster.apply(step.manifest.body)

    async def _check(self, step: Step) -> None:
        assert step.manifest is not None  # noqa: S101 - as above
        await self.cluster.apply(step.manifest.body, dry_run=True)

    async def _delete(self, step: Step) -> None:
        await self.cluster.delete(step.id, step.api_version, uid=step.uid)

    async def _stand(self, step: Step) -> None:
        """Wait until a Namespace is active, a CustomResourceDefinition established and served."""
        deadline = time.monotonic() + ESTABLISH_TIMEOUT
        pause = 0.02
        while not await _stands(self.cluster, step.id, step.api_version):
            if time.monotonic() > deadline:
                raise Transient(f"{step.id} was written but is not established after {ESTABLISH_TIMEOUT:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


async def _stands(cluster: Cluster, object_id: ObjectId, api_version: str) -> bool:
    live = await cluster.get(object_id, api_version)
    if live is None:
        return False
    if object_id.kind == "Namespace":
        return bool(live.get("status", {}).get("phase") == "Active")
    conditions = live.get("status", {}).get("conditions") or []
    if not any(
        condition.get("type") == "Established" and condition.get("status") == "True" for condition in conditions
    ):
        return False
    spec = live["spec"]
    served = next((version["name"] for version in spec["versions"] if version.get("served")), "")
    cluster.forget()
    return await cluster.resource(f"{spec['group']}/{served}", spec["names"]["kind"]) is not None
