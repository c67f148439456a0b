"""The loop on one screen: one key through the stages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from controller import faults, logs
from controller.errors import ShipslogError, Terminal
from controller.govern.judge import judge
from controller.model.duration import seconds
from controller.model.event import Actor
from controller.model.labels import FINALIZER, owner_value
from controller.model.run import Phase, Run, Trigger
from controller.reconcile.announce import as_read
from controller.reconcile.concluding import conclude
from controller.reconcile.declining import spared
from controller.reconcile.deleting import dismantle, home_of, leave
from controller.reconcile.dependencies import await_dependencies
from controller.reconcile.drifting import notice
from controller.reconcile.ending import settle
from controller.reconcile.failing import fail, rest
from controller.reconcile.handover import claim
from controller.reconcile.healing import written
from controller.reconcile.planning import examine_checks, has_stood, plan_of
from controller.reconcile.recalling import recall
from controller.reconcile.rooms import Case, Memory, memory_of, missing
from controller.reconcile.syncing import applied, begin, is_new
from controller.reconcile.wish import wish_of

if TYPE_CHECKING:
    from controller.apply.execute import Result
    from controller.apply.foresee import Refusals
    from controller.govern.judge import Verdict
    from controller.model.application import Application
    from controller.model.plan import Plan
    from controller.reconcile.fleet import Target
    from controller.reconcile.queue import Fate, Work
    from controller.reconcile.rooms import Rooms

_log = logs.get_logger(__name__)


async def advance(work: Work, rooms: Rooms) -> Fate:
    """Bring one Application one step nearer to what Git says."""
    app = rooms.registry.applications.get(work.key)  # everything is read again: a key carries no news
    if app is None:
        return await forget(work, rooms)
    with logs.bound(application=str(app.key), cluster=app.spec.destination.cluster):
        try:
            await pay(memory_of(rooms, app), rooms)
            if app.deleting:
                return await dismantle(app, rooms)
            app = await settle(app, rooms)
            if app.spec.suspend:
                return await rest(app, work, rooms)
            return await look(await adopted(app, rooms), work, rooms)
        except ShipslogError as error:
            latest = as_read(rooms.registry.applications.get(app.key, app), app)
            return await fail(latest, work, rooms, error)


async def look(app: Application, work: Work, rooms: Rooms) -> Fate:
    """The stages: what do we want, what stands, what must change, may it be done, do it, write it down."""
    memory = memory_of(rooms, app)
    target = target_of(app, memory, rooms)
    wish = await wish_of(app, memory, target, work, rooms)
    case = Case(app, memory, work, rooms, target, wish)
    claim(app, wish, rooms)  # whatever keeps it from being applied: others must not delete what it asks for
    if home_of(app) != app.spec.destination.cluster:
        memory.baselines.clear()  # they are of the cluster that it leaves
    take_up(case)
    await examine_checks(app, target)
    await_dependencies(case)
    plan = await planned(case)
    if await notice(case, plan):
        faults.reach("after-drift-recorded")
    verdict = judge(
        app.spec,
        plan,
        requested=case.requested or case.actor.kind == "user",
        suspended_cluster=target.suspended,
        inventory=len(app.status.inventory),
    )
    if verdict.allowed:
        plan = spared(case, plan, heals=not is_new(case, plan))
    run, results = await synced(case, plan, verdict)
    with rooms.metrics.stage_duration.labels(stage="record").time():
        fate = await conclude(case, plan, verdict, run, results)
    memory.failures = 0
    return fate


def target_of(app: Application, memory: Memory, rooms: Rooms) -> Target:
    """The cluster to write to; raises NotReady while it is away or may still be on its way, Terminal for none."""
    try:
        return rooms.fleet.target(app.spec.destination.cluster)
    except Terminal as error:
        raise missing(memory, error) from None


async def planned(case: Case) -> Plan:
    """The plan of this look; in full when it is time for that, or when a person asked for what Git says already."""
    interval = seconds(case.app.spec.sync.interval)
    await recall(case, interval)
    due = time.monotonic() - case.memory.compared_at >= interval * 0.9
    # Who asks for a sync of what stands already wants it looked at; a new commit is what is asked for otherwise.
    stood = has_stood(case.app, case.wish)
    full = due or (case.requested and stood)
    with case.rooms.metrics.stage_duration.labels(stage="diff").time():
        refusals: Refusals = "judged" if stood and not case.requested else "raised"
        plan = await plan_of(case.app, case.memory, case.wish, case.target, case.rooms, full=full, refusals=refusals)
    if full:
        case.memory.compared_at = time.monotonic()
    return plan


async def synced(case: Case, plan: Plan, verdict: Verdict) -> tuple[Run | None, tuple[Result, ...]]:
    """Carry the plan out where the verdict allows it: as a new run, or as a heal within the run that stands."""
    if not verdict.allowed or not _due(case):
        return None, ()
    if is_new(case, plan):
        case.app = await leave(case.app, case.rooms)
        run = await begin(case, plan)
        results = await written(case, plan, run.id, "sync")
        return applied(case, run, plan, results), results
    if plan.writes:
        return None, await written(case, plan, case.rooms.new_id(), "heal")
    return None, ()


async def adopted(app: Application, rooms: Rooms) -> Application:
    """Ours from the first look on: it does not go before its objects do."""
    if FINALIZER in app.finalizers:
        return app
    return await rooms.announcer.finalizers(app, (*app.finalizers, FINALIZER))


async def pay(memory: Memory, rooms: Rooms) -> None:
    """Record what is owed from before: what came of writes, and could not be recorded then."""
    if memory.owed:
        await rooms.ledger.append(*memory.owed)
        memory.owed = ()


def take_up(case: Case) -> None:
    """What somebody asked for, and failed, is still theirs when it is tried again."""
    last, limit = case.app.status.last_run, case.app.spec.sync.retry.limit
    unfinished = last is not None and last.phase is Phase.FAILED and not last.applied and last.attempt < limit
    if unfinished and last and last.digest == case.wish.digest and last.actor != Actor().name and not case.requested:
        case.actor = Actor(kind="user", name=last.actor)


async def forget(work: Work, rooms: Rooms) -> Fate:
    """The Application is gone, and nothing of it stays but what is owed. Raises SpoolError while that can't be paid."""
    memory = rooms.memories.get(work.key)
    if memory is not None:
        await pay(memory, rooms)
    rooms.memories.pop(work.key, None)
    for concerned in rooms.claims.put(work.key, None):
        rooms.queue.put(concerned, Trigger.DRIFT)
    rooms.queue.cancel_timer(work.key)
    for target in rooms.fleet.targets().values():
        target.live.forget(owner_value(rooms.installation, work.key))
    rooms.metrics.forget_application(work.key.namespace, work.key.name)
    return None


def _due(case: Case) -> bool:
    """A wish that failed is tried again when its time has come, or when there is news."""
    last = case.app.status.last_run
    if last is None or last.phase is not Phase.FAILED or last.applied or last.digest != case.wish.digest:
        return True
    if case.requested or case.work.triggers & {Trigger.USER, Trigger.SPEC, Trigger.INTERVAL}:
        return True
    return last.attempt < case.app.spec.sync.retry.limit and time.monotonic() >= case.memory.retry_at
