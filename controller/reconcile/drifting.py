"""Drift noticed, and drift ended: recorded before the evidence is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from controller.model.event import Actor, EventType
from controller.observe.drift import Episodes, compare, evidence
from controller.reconcile.declining import decisions, declined, withdraw
from controller.reconcile.moment import epoch, rfc3339
from controller.record.identifier import derived

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.model.drift import Drift
    from controller.model.event import Draft
    from controller.model.objects import ObjectId
    from controller.model.plan import Plan, Step
    from controller.reconcile.rooms import Case

CHANGES = 50
"""Field differences that one record holds; it says how many there were."""
EPISODES = 256
"""Episodes of one Application that are remembered, to tell a repetition within a second from a retry."""
VALUE = 256
"""Bytes of one value in a record; of a longer one its length is told, and the wish's digest stands for it."""


async def notice(case: Case, plan: Plan) -> tuple[Drift, ...]:
    """Record what drifted and what drifts ended by themselves; gives the drifts that are open now."""
    known = case.memory.drifts if case.memory.drifts is not None else _left(case)
    episodes = compare(
        known,
        plan.steps,
        new_id=lambda drift, step: _id(case, drift, step),
        dated=lambda drift, step: _dated(case, drift, step),
    )
    await withdraw(case, episodes.ended, episodes.open)
    standing = declined(case, episodes.open)  # an episode that ended takes its decline along
    drafts = [_detected(case, drift, step) for drift, step in episodes.opened]
    now = {drift.id: drift for drift in standing}
    drafts += [_widened(case, now[drift.id], drift.fields, step) for drift, step in episodes.widened]
    drafts += [_ended(case, drift) for drift in episodes.ended]
    drafts += decisions(case, known, standing)
    if drafts:
        await case.rooms.ledger.append(*drafts)
    case.memory.drifts = standing
    _count(case, episodes)
    for drift, step in episodes.opened:
        case.say("DriftDetected", sentence(drift, step), warning=True)
    for drift, step in episodes.widened:
        case.say("DriftWidened", _joined(drift, step), warning=True)
    return standing


def _left(case: Case) -> tuple[Drift, ...]:
    """The drifts that an earlier process left open: those of the status, and those it recorded and died before."""
    told = {drift.id: drift for drift in case.app.status.drift}
    recorded = case.rooms.ledger.open_drifts(case.app.key, case.app.spec.destination.cluster)
    return tuple({**{drift.id: drift for drift in recorded}, **told}.values())


def _id(case: Case, drift: Drift, step: Step) -> str:
    """The episode's id: the same for the same evidence, so that a successor of ours does not tell it twice.

    Within one second the same tool can do the same thing again after we healed it: such episodes are numbered.
    """
    parts = evidence(drift, step)
    if not parts:
        return case.rooms.new_id()
    return _numbered(case, derived("drift", case.app.uid, *parts))


def _numbered(case: Case, episode: str) -> str:
    seen = case.memory.episodes
    number = seen[episode] = seen.pop(episode, -1) + 1
    while len(seen) > EPISODES:
        seen.pop(next(iter(seen)))
    return derived("drift", episode, str(number)) if number else episode


def attended(case: Case, drifts: Iterable[Drift]) -> frozenset[str]:
    """The objects of which every change is to be looked at: our managedFields entry does not tell of it.

    Those whose replicas are left to an autoscaler are among them: once it is gone, whoever scales writes a field that
    is not ours by then.
    """
    unowned = (str(id_) for id_ in case.memory.unowned)
    return frozenset({*(drift.object for drift in drifts), *unowned, *case.memory.notes})


def sentence(drift: Drift, step: Step) -> str:
    """What drifted, for people: object, fields and manager."""
    who = f" by {drift.manager}" if drift.manager else ""
    if drift.change == "disowned":
        return f"{step.id} has every value, but fields of it are not ours any more{who and ': taken' + who}"
    fields = ", ".join(drift.fields[:3])
    if drift.change == "removed" and fields:
        return f"{step.id} has lost {fields}{who}"
    return f"{step.id} was {drift.change}{f' at {fields}' if fields else ''}{who}"


def lasted(drift: Drift, stood: float) -> str:
    """How long a drift stood, in seconds, for people."""
    how = "was missing" if drift.change == "deleted" else "differed from Git"
    return f"{drift.object} {how} for {'at least ' if drift.older else ''}{stood:.3f} s"


async def healed(case: Case, done: Iterable[ObjectId], run_id: str) -> None:
    """Record which open drifts our writes ended."""
    names = {str(object_id) for object_id in done}
    ended = [drift for drift in case.memory.drifts or () if drift.object in names]
    if not ended:
        return
    now = case.rooms.now()
    await withdraw(case, ended, [drift for drift in case.memory.drifts or () if drift not in ended])
    case.memory.fights.healed(drift.object for drift in ended)
    await case.rooms.ledger.append(
        *(
            msgspec.structs.replace(
                _end(case, drift, EventType.DRIFT_HEALED, now), correlation_id=run_id, causation_id=drift.id
            )
            for drift in ended
        )
    )
    case.memory.drifts = tuple(drift for drift in case.memory.drifts or () if drift not in ended)
    for drift in ended:
        case.rooms.metrics.drift_healed.labels(cluster=case.target.client.name).inc()
        case.rooms.metrics.drift_open.observe(max(0.0, now - epoch(drift.since)))


def _dated(case: Case, drift: Drift, step: Step) -> Drift:
    """Since when it stands: as the watch told, or where it stood before that, since its one writer's last write.

    Where nobody knows even that, it is older than what we saw.
    """
    view = case.target.live.view(step.id)
    seen = view.seen if view else case.target.live.gone_since(step.id)
    first = seen or case.rooms.now()
    if seen is not None and not (view and view.listed):
        return msgspec.structs.replace(drift, since=rfc3339(first))
    found = step.attribution
    wrote = found.suspects[0].time if found and found.tier == "C" and found.suspects else ""
    if not wrote:
        return msgspec.structs.replace(drift, since=rfc3339(first), older=True)
    return msgspec.structs.replace(drift, since=rfc3339(min(epoch(wrote), first)))


def _detected(case: Case, drift: Drift, step: Step) -> Draft:
    return case.draft(
        EventType.DRIFT_DETECTED,
        id=drift.id,
        actor=_actor(step),
        object_id=step.id,
        reason=sentence(drift, step),
        revision=case.wish.revision.sha,
        detail=_told(drift, step),
    )


def _widened(case: Case, drift: Drift, joined: tuple[str, ...], step: Step) -> Draft:
    """The record of what joined an open episode; `paths` are all that differ now, as in its detection."""
    parts = evidence(drift, step) or (drift.change,)
    new = msgspec.structs.replace(drift, fields=joined)
    return case.draft(
        EventType.DRIFT_WIDENED,
        id=_numbered(case, derived("drift-widened", drift.id, *parts)),
        causation_id=drift.id,
        actor=_actor(step),
        object_id=step.id,
        reason=_joined(new, step),
        revision=case.wish.revision.sha,
        detail=_told(drift, step) | {"joined": list(joined)},
    )


def _joined(drift: Drift, step: Step) -> str:
    """What joined an episode, for people; `drift` has the fields that did."""
    return f"{sentence(drift, step)}, on top of what had drifted since {drift.since}"


def _actor(step: Step) -> Actor:
    suspects = step.attribution.suspects if step.attribution else ()
    return Actor(kind="manager", name=suspects[0].manager) if len(suspects) == 1 else Actor(kind="unknown", name="")


def _told(drift: Drift, step: Step) -> dict[str, Any]:
    return {
        "change": drift.change,
        "paths": list(drift.fields),
        "manager": drift.manager,
        "since": drift.since,
        "older": drift.older,
        "fields": changes(step),
        "fieldsInAll": len(step.changes),
        "attribution": msgspec.to_builtins(step.attribution),
    }


def changes(step: Step) -> list[dict[str, Any]]:
    """The step's field differences as a record holds them: bounded in number and size."""
    return [_bounded(msgspec.to_builtins(change)) for change in step.changes[:CHANGES]]


def _bounded(change: dict[str, Any]) -> dict[str, Any]:
    for side in ("before", "after"):
        text = msgspec.json.encode(change.get(side))
        if len(text) > VALUE:
            change[side] = f"({len(text)} bytes)"
    change["path"] = change["path"][:VALUE]
    return change


def _ended(case: Case, drift: Drift) -> Draft:
    return _end(case, drift, EventType.DRIFT_ENDED, case.rooms.now())


def _end(case: Case, drift: Drift, type_: EventType, now: float) -> Draft:
    stood = max(0.0, now - epoch(drift.since))
    draft = case.draft(
        type_,
        # An episode ends once, whoever tells of it, and whatever process of ours.
        id=derived("drift-end", drift.id),
        causation_id=drift.id,
        revision=case.wish.revision.sha,
        detail={
            "since": drift.since,
            "older": drift.older,
            "stoodSeconds": round(stood, 6),
            "fields": list(drift.fields),
        },
        reason=lasted(drift, stood),
    )
    return msgspec.structs.replace(draft, target=msgspec.structs.replace(draft.target, object=drift.object))


def _count(case: Case, episodes: Episodes) -> None:
    cluster = case.target.client.name
    for drift, step in episodes.opened:
        case.rooms.metrics.drift_detected.labels(cluster=cluster, change=drift.change).inc()
        for suspect in step.attribution.suspects[:1] if step.attribution else ():
            if suspect.time:
                latency = case.rooms.now() - epoch(suspect.time)
                case.rooms.metrics.drift_detection_latency.observe(max(0.0, latency))
    for drift in episodes.ended:
        case.rooms.metrics.drift_ended.labels(cluster=cluster).inc()
        case.rooms.metrics.drift_open.observe(max(0.0, case.rooms.now() - epoch(drift.since)))
