"""Make it so: server-side apply in order, then prune in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from controller import faults
from controller.apply.order import is_foundation, ranks, reversed_ranks
from controller.apply.prune import prune
from controller.apply.replace import replace
from controller.apply.together import together
from controller.errors import NotReady, ShipslogError, Transient, Unreachable
from controller.model.base import Json
from controller.model.objects import ObjectId
from controller.model.options import options_of
from controller.model.plan import Action, Plan, Step

if TYPE_CHECKING:
    from controller.ports import Cluster

IN_FLIGHT = 50
ESTABLISH_TIMEOUT = 60.0
"""Seconds that a Namespace may take to be active, a CustomResourceDefinition to be established."""


GIVE_UP = 3
"""Questions in a row without an answer, after which no more are asked: each may cost its whole time limit."""


class Terms(msgspec.Struct, frozen=True):
    """How an Application's objects go: only with its owner label's value, and what they own by this policy."""

    owner: str
    propagation: str = "background"


class Result(msgspec.Struct, frozen=True):
    """What came of one step. `answer` is the server's after an apply; `error` and its `cause` are empty on success.

    `cause` is the error's name, one of a fixed set; `after` is for how many seconds the server asked to be left alone.
    `going`: it was deleted, and something holds it yet.
    """

    step: Step
    answer: Json | None = None
    error: str = ""
    cause: str = ""
    seconds: float = 0.0
    after: float = 0.0
    going: bool = False


HEAL_TRIES = 5
"""Times that a heal is sent again because a controller writes the object's status meanwhile."""
OnResult = Callable[[Result], Awaitable[None]]


async def execute(cluster: Cluster, plan: Plan, terms: Terms, on_result: OnResult) -> tuple[Result, ...]:
    """Execute the plan's writes; each result is reported as it comes, and all are returned.

    Nothing is raised for an object that fails: the others go on, except that nothing follows a foundation that
    does not stand, nothing is pruned after a failure, and nobody is asked any more who does not answer. What was not
    attempted has no result.
    """
    run = _Execution(cluster, terms, on_result)
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

    def __init__(self, cluster: Cluster, terms: Terms, on_result: OnResult) -> None:
        self.cluster = cluster
        self.terms = terms
        self.results: list[Result] = []
        self.failed = False
        self._unanswered = 0
        """Questions in a row without an answer."""
        self._going: set[ObjectId] = set()
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
        await together("establish", (self._attempt(step, self._stand, quiet=True) for step in steps))
        if steps:
            self.cluster.forget()

    async def _attempt(self, step: Step, act: Callable[[Step], Awaitable[Json | None]], *, quiet: bool = False) -> None:
        async with self._gate:
            if self._unanswered >= GIVE_UP:
                return
            started = time.monotonic()
            try:
                result = Result(step, await act(step), going=step.id in self._going)
                self._unanswered = 0
            except ShipslogError as failure:
                self.failed = True
                self._unanswered = self._unanswered + 1 if isinstance(failure, Unreachable) else 0
                result = _failed(step, failure)
        if quiet and not result.error:
            return
        result = msgspec.structs.replace(result, seconds=time.monotonic() - started)
        self.results.append(result)
        await self._report(result)

    async def _apply(self, step: Step) -> Json:
        assert step.manifest is not None  # noqa: S101 - creates and updates carry their wish
        if step.replaces:
            return await replace(self.cluster, step, self.terms.owner, self.terms.propagation.capitalize())
        options = options_of(step.manifest.body)
        if options.sync == "create-only":
            return await self.cluster.create(step.manifest.body)  # never an apply: it could change what came meanwhile
        if step.takeover:
            entries = {
                "managedFields": list(step.takeover.managed_fields),
                "resourceVersion": step.takeover.resource_version,
            }
            await self.cluster.merge(step.id, step.api_version, {"metadata": entries})
            faults.reach("after-takeover")
        force, manager = options.force, step.manifest.manager
        for _ in range(HEAL_TRIES):
            try:
                return await self.cluster.apply(_as_seen(step), force=force, manager=manager)
            except Transient as error:
                moved = await self._moved_on(step, error)
                if moved is None:
                    raise
                step = moved
        return await self.cluster.apply(_as_seen(step), force=force, manager=manager)

    async def _moved_on(self, step: Step, error: Transient) -> Step | None:
        """The heal for the object as it is by now, where only its status has changed since it was looked at."""
        seen = step.attribution
        if error.cause != "Conflict" or not step.drifted or seen is None or not seen.generation:
            return None
        live = await self.cluster.get(step.id, step.api_version)
        if live is None or live["metadata"]["uid"] != step.uid or live["metadata"].get("generation") != seen.generation:
            return None
        seen = msgspec.structs.replace(seen, resource_version=live["metadata"]["resourceVersion"])
        return msgspec.structs.replace(step, attribution=seen)

    async def _check(self, step: Step) -> None:
        assert step.manifest is not None  # noqa: S101 - as above
        await self.cluster.apply(step.manifest.body, dry_run=True, force=options_of(step.manifest.body).force)

    async def _delete(self, step: Step) -> None:
        if not await prune(self.cluster, step, self.terms.owner, self.terms.propagation.capitalize()):
            self._going.add(step.id)

    async def _stand(self, step: Step) -> None:
        """Wait until a Namespace is active, a CustomResourceDefinition established and served."""
        deadline = time.monotonic() + ESTABLISH_TIMEOUT
        pause = 0.02
        while not await _stands(self.cluster, step.id, step.api_version):
            if time.monotonic() > deadline:
                raise Transient(f"{step.id} was written but is not established after {ESTABLISH_TIMEOUT:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


def _as_seen(step: Step) -> Json:
    """The wish; of a heal, for the object as it was looked at: what was written since is recorded before it goes."""
    assert step.manifest is not None  # noqa: S101 - as above
    body, seen = step.manifest.body, step.attribution
    if not step.drifted or step.takeover or seen is None or not seen.resource_version:
        return body
    return body | {"metadata": body["metadata"] | {"uid": step.uid, "resourceVersion": seen.resource_version}}


def _failed(step: Step, failure: ShipslogError) -> Result:
    return Result(
        step,
        error=str(failure),
        cause=failure.cause,
        after=failure.after if isinstance(failure, NotReady) else 0.0,
    )


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
