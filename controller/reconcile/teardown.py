"""All objects of an Application, pruned in one cluster: last written first, each kind gone before the next goes.

So an operator outlives the objects whose finalizers it must see to. Nothing waits inside a look: what is not gone yet
is looked at again, and after a while it is said what holds it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller import faults
from controller.apply.execute import Result, Terms, execute
from controller.apply.order import ordered, reversed_ranks
from controller.apply.together import together
from controller.diff.plan import prune_step
from controller.errors import NotReady, Transient
from controller.model.duration import seconds
from controller.model.event import Draft, EventType
from controller.model.labels import owner_value
from controller.model.plan import Action, Plan, Step
from controller.model.run import Trigger
from controller.reconcile.brief import brief
from controller.reconcile.handover import doubt, heirs, patience
from controller.reconcile.intent import How, intent
from controller.reconcile.leftovers import leave_behind
from controller.reconcile.moment import epoch
from controller.reconcile.rooms import draft, memory_of
from controller.reconcile.whereabouts import whereabouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.application import Application, InventoryEntry
    from controller.model.objects import ObjectId
    from controller.reconcile.fleet import Target
    from controller.reconcile.rooms import Rooms

IN_FLIGHT = 50
SUSPENDED_AGAIN = 60.0
"""Seconds until a suspended cluster is looked at again; that it is not suspended any more is told, too."""
REMEDY = (
    "have the owner of its finalizers let it go, or remove them by hand; spec.deletion: orphan lets the Application go "
    "without it"
)


class StillGoing(NotReady):
    """Objects were deleted and are not gone yet."""


class InDoubt(NotReady):
    """Others may want the objects, and nobody knows yet."""


class ClusterSuspended(NotReady):
    """Nothing is written to the cluster, deletions included."""


class StuckInDeletion(Transient):
    """Objects were deleted long ago, and something holds them."""


def stuck(step: Step, app: Application, now: float) -> bool:
    """Whether the step's object is being deleted for longer than `spec.sync.timeout`: somebody should look."""
    return step.going is not None and now - epoch(step.going.since) >= seconds(app.spec.sync.timeout)


class Teardown:
    """The objects of one Application in one cluster."""

    def __init__(self, app: Application, target: Target, why: str, rooms: Rooms) -> None:
        self.app = app
        self.target = target
        self.why = why
        self.rooms = rooms
        self.run_id = rooms.new_id()
        self._left: dict[ObjectId, str] = {}
        """What stays, and why."""

    async def run(self, *, wait: bool) -> None:
        """Delete what is still ours, with `wait` until it is gone, and record what stays.

        Raises StillGoing and StuckInDeletion for what is not, Transient when objects could not be deleted, InDoubt
        while others may want them, and ClusterSuspended.
        """
        if self.target.suspended:
            raise ClusterSuspended(f"cluster {self.target.client.name} is suspended", after=SUSPENDED_AGAIN)
        stuck_for_long: list[Step] = []
        for rank in reversed_ranks(await self._steps(self.app.status.inventory)):
            await self._prune([step for step in rank if step.action is Action.PRUNE])
            if not wait:
                continue
            entries = [entry for entry in self.app.status.inventory if entry.id in {step.id for step in rank}]
            going = [step for step in await self._steps(entries) if step.going]
            young = [step for step in going if not stuck(step, self.app, self.rooms.now())]
            if young:
                raise StillGoing(f"waiting until they are gone: {_named(young)}", after=_after(young, self.rooms.now()))
            stuck_for_long += going
        if stuck_for_long:
            raise StuckInDeletion(f"not gone: {_named(stuck_for_long)}", remedy=REMEDY)
        await leave_behind(self.app, self.target.client.name, self._left, self.rooms)

    async def _steps(self, entries: Sequence[InventoryEntry]) -> tuple[Step, ...]:
        """What is to be deleted, and what is on its way; not what another Application wants by now."""
        owner = owner_value(self.rooms.installation, self.app.key)
        gate = asyncio.Semaphore(IN_FLIGHT)
        found: list[Step] = []

        async def look(entry: InventoryEntry) -> None:
            async with gate:
                live, version = await whereabouts(self.target.client, entry)
            step = prune_step(entry.id, version, live, owner)
            if step and not step.released and (step.going or step.action is Action.PRUNE):
                found.append(step)
            elif step:
                self._left[step.id] = step.reason

        await together("look", (look(entry) for entry in entries))
        wanted = [step.id for step in found if step.action is Action.PRUNE]
        known = await heirs(self.app, wanted, self.target, self.rooms)
        for key in set(known.taken.values()):
            self.rooms.queue.put(key, Trigger.DRIFT)
        self._left |= {wanted: f"Application {heir} has it from now on" for wanted, heir in known.taken.items()}
        left = [step for step in found if step.id not in known.taken]
        if any(step.action is Action.PRUNE for step in left) and (why := doubt(self.app, known, self.rooms, gone=True)):
            raise InDoubt(f"its objects are not deleted yet: {why}", after=patience(self.app, self.rooms))
        return ordered(left)

    async def _prune(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        objects = [f"prune {step.id}" for step in steps]
        detail = {"kind": "delete", "objects": objects[:200], "objectsInAll": len(objects)}
        wanted = self._draft(EventType.APPLY_INTENT, detail=brief(detail, "objects"), reason=self.why)
        terms = Terms(owner_value(self.rooms.installation, self.app.key), self.app.spec.sync.prune_propagation)
        results: list[Result] = []

        def concluded(intent_id: str, how: How) -> Draft:
            return self._result(intent_id, steps, results, how)

        async with intent(self.rooms.ledger, memory_of(self.rooms, self.app), wanted, concluded) as under_way:

            async def on_result(result: Result) -> None:
                faults.reach("after-deletion")
                results.append(result)
                await under_way.record(self._pruned(result, under_way.id))
                faults.reach("after-deletion-recorded")

            await execute(self.target.client, Plan(tuple(steps)), terms, on_result)
        failed = [result for result in results if result.error]
        if failed:
            told = "; ".join(f"{result.step.id}: {result.error}" for result in failed[:5])
            causes = [result.cause for result in failed]
            raise Transient(f"objects could not be deleted: {told}", underlying=causes)

    def _pruned(self, result: Result, intent_id: str) -> Draft:
        return self._draft(
            EventType.PRUNE_OBJECT,
            object_id=result.step.id,
            causation_id=intent_id,
            outcome="failure" if result.error else "success",
            reason=result.error[:2048] or self.why,
            detail={"cause": result.cause} if result.cause else {},
        )

    def _result(self, intent_id: str, steps: Sequence[Step], results: Sequence[Result], how: How) -> Draft:
        failed = sum(1 for result in results if result.error)
        unknown = how == "broken off" and len(results) < len(steps)
        return self._draft(
            EventType.APPLY_RESULT,
            causation_id=intent_id,
            outcome="unknown" if unknown else "failure" if failed else "success",
            detail={"written": len(results) - failed, "failed": failed, "wanted": len(steps)},
        )

    def _draft(self, type_: EventType, **fields: object) -> Draft:
        where = self.target.client.name
        return draft(self.app, type_, cluster=where, correlation_id=self.run_id, **fields)  # type: ignore[arg-type]


def _named(steps: Sequence[Step]) -> str:
    told = "; ".join(f"{step.id}: {step.going}" for step in steps[:3])
    return told + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")


def _after(steps: Sequence[Step], now: float) -> float:
    """Look again soon at first, then less often: a watch tells, too, where there is one."""
    age = max(now - epoch(step.going.since) for step in steps if step.going)
    return min(max(age / 4, 0.5), 10.0)
