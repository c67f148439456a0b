"""Heals that are held back: declined by a person for one episode, or put off because somebody fights us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.model.decline import parse, text
from controller.model.drift import Declined, Drift
from controller.model.event import Actor, Draft, EventType
from controller.model.labels import DECLINE_ANNOTATION
from controller.model.plan import Action, Plan
from controller.reconcile.moment import epoch
from controller.record.identifier import derived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controller.model.decline import Decline
    from controller.reconcile.rooms import Case


def declined(case: Case, drifts: Iterable[Drift]) -> tuple[Drift, ...]:
    """The open drifts, each with the decline that holds for it now; a decline that was withdrawn holds no more."""
    wanted = {one.object: one for one in _declines(case)}
    return tuple(_with(drift, wanted.get(drift.object)) for drift in drifts)


def decisions(case: Case, before: Iterable[Drift], now: Iterable[Drift]) -> tuple[Draft, ...]:
    """What is to be recorded: every decline that was not known before, with who and why."""
    known = {drift.id: drift.declined for drift in before}
    return tuple(
        _decided(case, drift, drift.declined)
        for drift in now
        if drift.declined and drift.declined != known.get(drift.id)
    )


def _decided(case: Case, drift: Drift, decision: Declined) -> Draft:
    draft = case.draft(
        EventType.DRIFT_DECLINED,
        id=derived("decline", drift.id, decision.by, decision.at, decision.reason),
        actor=Actor(kind="user", name=decision.by),
        causation_id=drift.id,
        reason=decision.reason,
        revision=case.wish.revision.sha,
        detail={"object": drift.object, "declinedAt": decision.at, "fields": list(drift.fields)},
    )
    return msgspec.structs.replace(draft, target=msgspec.structs.replace(draft.target, object=drift.object))


async def withdraw(case: Case, ended: Iterable[Drift], standing: Iterable[Drift]) -> None:
    """Take the declines of episodes that ended out of the annotation, and those that nobody used in time.

    It comes before the end is recorded: a decline that stayed would hold for an episode that nobody decided about.
    """
    used = {(drift.object, drift.declined.at, drift.declined.reason) for drift in ended if drift.declined}
    open_ = {drift.object for drift in standing}
    declines = parse(case.app.annotations.get(DECLINE_ANNOTATION, ""))
    kept = [
        one
        for one in declines
        if (one.object, one.at, one.reason) not in used and (one.object in open_ or not _lapsed(case, one))
    ]
    if len(kept) != len(declines):
        case.app = await case.rooms.announcer.annotate(case.app, DECLINE_ANNOTATION, text(kept))


def spared(case: Case, plan: Plan, *, heals: bool = True) -> Plan:
    """The plan without the heals that are held back now; `case.held` says which, and why.

    A new run, which is more than `heals`, holds back only what the objects themselves ask to leave to others.
    """
    why = {
        drift.object: f"declined by {drift.declined.by}: {drift.declined.reason}"
        for drift in case.memory.drifts or ()
        if drift.declined
    }
    held = {
        str(step.id): reason
        for step in plan.writes
        if step.drifted and (reason := step.reserved or (heals and _put_off(case, why, str(step.id))) or "")
    }
    case.held = held
    if not held:
        return plan
    return Plan(
        tuple(
            msgspec.structs.replace(step, action=Action.SKIP, reason=held[str(step.id)])
            if str(step.id) in held
            else step
            for step in plan.steps
        )
    )


def _put_off(case: Case, declined_: Mapping[str, str], name: str) -> str:
    return declined_.get(name) or case.memory.fights.fought(name)


def _declines(case: Case) -> list[Decline]:
    """Those that hold for what is open; an episode that opens too late is not meant any more."""
    open_ = {drift.object for drift in case.memory.drifts or case.app.status.drift if drift.declined}
    declines = parse(case.app.annotations.get(DECLINE_ANNOTATION, ""))
    return [one for one in declines if one.object in open_ or not _lapsed(case, one)]


def _lapsed(case: Case, one: Decline) -> bool:
    try:
        return bool(one.until) and epoch(one.until) < case.rooms.now()
    except ValueError:
        return True


def _with(drift: Drift, one: Decline | None) -> Drift:
    decline = Declined(by=one.by, reason=one.reason, at=one.at) if one else None
    return drift if drift.declined == decline else msgspec.structs.replace(drift, declined=decline)
