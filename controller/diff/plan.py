"""From wishes and what the server foresees to a plan."""

from __future__ import annotations

import msgspec

from controller.diff.attribution import DELETED, attribute
from controller.diff.compare import differences
from controller.diff.ownership import disowned, ownership_digest
from controller.diff.path import shortened
from controller.diff.presumed import presumed
from controller.model.base import Json
from controller.model.labels import INSTALLATION_LABEL, OWNER_LABEL
from controller.model.live import Baseline, Foreseen, LiveView, Mark, newer
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId
from controller.model.options import kept
from controller.model.plan import Action, FieldChange, Step, going_of


def baseline_of(manifest: Manifest, answer: Json) -> Baseline:
    """The baseline after the server answered an apply of the wish."""
    return Baseline(manifest.digest, ownership_digest(answer), answer["metadata"]["resourceVersion"])


def mark(baseline: Baseline | None, view: LiveView | None, *, watched: bool) -> Mark:
    """How a watched object stands to its baseline.

    A view older than the baseline is the watch lagging behind our own write: nothing moved.
    """
    if baseline is None or not watched:
        return Mark.UNKNOWN
    if view is None:
        return Mark.GONE
    if view.ownership == baseline.ownership and not view.deleting:
        return Mark.SAME
    return Mark.MOVED if newer(view.resource_version, baseline.resource_version) else Mark.SAME


def needs_question(manifest: Manifest, baseline: Baseline | None, standing: Mark) -> bool:
    """Whether the server must be asked about a wish: not where wish and live object are both as they stood."""
    return baseline is None or baseline.manifest != manifest.digest or standing is not Mark.SAME


def unchanged(manifest: Manifest) -> Step:
    """The step of a wish that nothing changed, neither it nor the live object."""
    return Step(manifest.id, manifest.api_version, Action.UNCHANGED, manifest=manifest)


def step_of(manifest: Manifest, foreseen: Foreseen, *, stood: bool, baseline: Baseline | None = None) -> Step:
    """The step of one wish. `stood`: the same wish stood in the cluster before, so any difference is drift.

    `baseline` is what stood after our last write; where nobody wrote our fields since, admission alone can have.
    """
    sent = manifest if foreseen.sent is None else msgspec.structs.replace(manifest, body=foreseen.sent)
    step = Step(manifest.id, manifest.api_version, Action.CREATE, "it does not exist", manifest=sent)
    if foreseen.untouched:
        return msgspec.structs.replace(step, action=Action.SKIP, reason=foreseen.untouched)
    if foreseen.deferred:
        return msgspec.structs.replace(step, reason=f"after {foreseen.deferred}", deferred=True, drifted=stood)
    if foreseen.live is None or (foreseen.predicted is None and not foreseen.refused):
        return msgspec.structs.replace(step, drifted=stood, attribution=DELETED if stood else None)
    step = msgspec.structs.replace(step, uid=foreseen.live["metadata"]["uid"])
    if foreseen.predicted is None:
        changes = presumed(sent.body, foreseen.live)
        if not changes:  # it stands as far as can be told
            return msgspec.structs.replace(step, action=Action.SKIP, reason=foreseen.refused)
        return _standing(step, foreseen, changes, stood=stood)
    settled = sent.body if _settled(manifest, foreseen.live, baseline) else None
    former = foreseen.takeover.managers if foreseen.takeover else ()
    changes = differences(foreseen.live, foreseen.predicted, sent=settled, former=former)
    return msgspec.structs.replace(_standing(step, foreseen, changes, stood=stood), reserved=foreseen.refused)


def _settled(manifest: Manifest, live: Json, baseline: Baseline | None) -> bool:
    """Whether the wish stood before and nobody wrote a field of it since."""
    return (
        baseline is not None
        and baseline.manifest == manifest.digest
        and bool(baseline.ownership)
        and baseline.ownership == ownership_digest(live)
    )


def _standing(step: Step, foreseen: Foreseen, changes: tuple[FieldChange, ...], *, stood: bool) -> Step:
    """The step of a wish whose object exists."""
    live, predicted = foreseen.live or {}, foreseen.predicted or {}
    going = going_of(live)
    if going:
        return msgspec.structs.replace(step, action=Action.SKIP, reason=str(going), drifted=stood, going=going)
    step = msgspec.structs.replace(step, takeover=foreseen.takeover, replaces=foreseen.replaces)
    if step.replaces:
        reason = f"it is replaced by a new one: {', '.join(step.replaces)} can't be changed"
        return msgspec.structs.replace(step, action=Action.UPDATE, reason=reason, changes=changes)
    if not changes:
        return _taken_over(_kept(step, live, predicted, stood=stood))
    changed = msgspec.structs.replace(
        step,
        action=Action.UPDATE,
        reason=f"differs at {shortened(changes[0].path)}"
        + (f" and {len(changes) - 1} more" if len(changes) > 1 else ""),
        changes=tuple(msgspec.structs.replace(change, path=shortened(change.path)) for change in changes),
        drifted=stood,
        attribution=attribute(live, [change.path for change in changes]) if stood else None,
    )
    return _taken_over(changed)


def _kept(step: Step, live: Json, predicted: Json, *, stood: bool) -> Step:
    """Every value stands. Where fields are not ours any more, the next foreign write to them would go unnoticed."""
    lost = disowned(live, predicted) if stood else ""
    if not lost:
        return msgspec.structs.replace(step, action=Action.UNCHANGED, reason="")
    return msgspec.structs.replace(
        step,
        action=Action.UPDATE,
        reason=f"every value stands, but {lost} is not ours any more",
        drifted=True,
        attribution=attribute(live, ()),
    )


def _taken_over(step: Step) -> Step:
    """Fields that others own, too, become ours alone: that takes a write, though it is no drift."""
    if step.takeover is None:
        return step
    reason = f"fields of {', '.join(step.takeover.managers)} are taken over"
    if step.action is not Action.UNCHANGED:
        reason = f"{step.reason}; {reason}"
    return msgspec.structs.replace(step, action=Action.UPDATE, reason=reason)


def prune_step(object_id: ObjectId, api_version: str, live: Json | None, owner: str) -> Step | None:
    """The step of an object that left Git; None where nothing is left to do.

    Only an object that still carries our owner label is ever deleted.
    """
    if live is None:
        return None
    metadata = live["metadata"]
    step = Step(object_id, api_version, Action.SKIP, uid=metadata["uid"], going=going_of(live))
    if (metadata.get("labels") or {}).get(OWNER_LABEL) != owner:
        return msgspec.structs.replace(step, reason="it no longer carries our owner label", released=True)
    if step.going:
        return msgspec.structs.replace(step, reason=str(step.going))
    if why := kept(live):
        return msgspec.structs.replace(step, reason=why)
    return msgspec.structs.replace(step, action=Action.PRUNE, reason="Git no longer has it")


def foreign_installation(live: Json | None, installation: str) -> str:
    """The installation that the object belongs to where that is another one than ours, else empty."""
    if live is None:
        return ""
    value: str = (live["metadata"].get("labels") or {}).get(INSTALLATION_LABEL, "")
    return value if value != installation else ""


def foreign_owner(live: Json | None, owner: str) -> str:
    """The owner label's value where another Application owns the object, else empty."""
    if live is None:
        return ""
    value: str = (live["metadata"].get("labels") or {}).get(OWNER_LABEL, "")
    return value if value != owner else ""
