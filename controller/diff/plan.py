"""From wishes and what the server foresees to a plan."""

from __future__ import annotations

import msgspec

from controller.diff.attribution import DELETED, attribute
from controller.diff.compare import differences
from controller.diff.ownership import disowned, ownership_digest
from controller.model.base import Json
from controller.model.labels import OWNER_LABEL, PRUNE_ANNOTATION
from controller.model.live import Baseline, Foreseen, LiveView, Mark, newer
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId
from controller.model.plan import Action, Step


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


def step_of(manifest: Manifest, foreseen: Foreseen, *, stood: bool) -> Step:
    """The step of one wish. `stood`: the same wish stood in the cluster before, so any difference is drift."""
    step = Step(manifest.id, manifest.api_version, Action.CREATE, "it does not exist", manifest=manifest)
    if foreseen.deferred:
        return msgspec.structs.replace(step, reason=f"after {foreseen.deferred}", deferred=True, drifted=stood)
    if foreseen.live is None or foreseen.predicted is None:
        return msgspec.structs.replace(step, drifted=stood, attribution=DELETED if stood else None)
    step = msgspec.structs.replace(step, uid=foreseen.live["metadata"]["uid"])
    if foreseen.live["metadata"].get("deletionTimestamp"):
        return msgspec.structs.replace(step, action=Action.SKIP, reason="it is being deleted", drifted=stood)
    changes = differences(foreseen.live, foreseen.predicted)
    if not changes:
        return _kept(step, foreseen.live, foreseen.predicted, stood=stood)
    return msgspec.structs.replace(
        step,
        action=Action.UPDATE,
        reason=f"differs at {changes[0].path}" + (f" and {len(changes) - 1} more" if len(changes) > 1 else ""),
        changes=changes,
        drifted=stood,
        attribution=attribute(foreseen.live, [change.path for change in changes]) if stood else None,
    )


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


def prune_step(object_id: ObjectId, api_version: str, live: Json | None, owner: str) -> Step | None:
    """The step of an object that left Git; None where nothing is left to do.

    Only an object that still carries our owner label is ever deleted.
    """
    if live is None:
        return None
    metadata = live["metadata"]
    uid = metadata["uid"]
    action, reason = Action.PRUNE, "Git no longer has it"
    if (metadata.get("labels") or {}).get(OWNER_LABEL) != owner:
        action, reason = Action.SKIP, "it no longer carries our owner label"
    elif (metadata.get("annotations") or {}).get(PRUNE_ANNOTATION) == "disabled":
        action, reason = Action.SKIP, f"its annotation {PRUNE_ANNOTATION} is disabled"
    elif metadata.get("deletionTimestamp"):
        action, reason = Action.SKIP, "it is being deleted"
    return Step(object_id, api_version, action, reason, uid=uid)


def foreign_owner(live: Json | None, owner: str) -> str:
    """The owner label's value where another Application owns the object, else empty."""
    if live is None:
        return ""
    value: str = (live["metadata"].get("labels") or {}).get(OWNER_LABEL, "")
    return value if value != owner else ""
