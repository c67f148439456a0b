"""Fields that others applied before us become ours, so that a field which leaves Git really goes. PURE.

Server-side apply removes a field only when nobody owns it any more. What `kubectl apply`, Helm, Flux or Argo CD once
wrote they would own for ever, though they never come again. So their entries in managedFields are joined into ours
before the apply (as client-go's csaupgrade does for kubectl's), without the object being created anew.

An object that is not ours yet is taken over whole: what its former tool declared and Git does not goes with the first
sync. Of one that is ours already, such a manager loses the fields that we declare, and keeps what it added.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from controller.apply.fieldset import Path, fields_v1, paths, without
from controller.model.base import Json
from controller.model.labels import MANAGER
from controller.model.live import Takeover

BEFORE_FIRST_APPLY = "before-first-apply"
"""What the server calls the owner of all that an object held when it had no managedFields."""


def takeover(live: Json, predicted: Json, managers: AbstractSet[str]) -> tuple[Takeover, Json] | None:
    """What is to be taken over before an apply, and what that apply makes of the object then; None for nothing.

    `predicted` is the server's dry run, which can't know of the takeover; `managers` are the names of those who are
    not asked.
    """
    entries = _entries(live)
    if not any(_former(entry, managers) for entry in entries):
        return None
    ours = next((paths(entry["fieldsV1"]) for entry in entries if _is_ours(entry)), None)
    wished = next((paths(entry["fieldsV1"]) for entry in _entries(predicted) if _is_ours(entry)), frozenset())
    adopted: frozenset[Path] = ours or frozenset()
    shared = adopted
    rest: list[Json] = []
    names: list[str] = []
    for entry in entries:
        if _is_ours(entry):
            continue
        if not _former(entry, managers):
            rest.append(entry)
            continue
        owned = paths(entry["fieldsV1"])
        # Everything, of an object that is new to us; but nobody ever declared what `before-first-apply` holds.
        if ours is None and entry["manager"] != BEFORE_FIRST_APPLY:
            taken = owned
        else:
            taken = owned & (shared | (wished & _still_owned(predicted, entry)))
        if taken:
            names.append(entry["manager"])
            adopted |= taken
        if owned - taken:
            rest.append(entry | {"fieldsV1": fields_v1(owned - taken)})
    if not names:
        return None
    found = Takeover(
        tuple(sorted(set(names))),
        (*rest, _entry(entries, live["apiVersion"], adopted)),
        live["metadata"]["resourceVersion"],
    )
    others = frozenset().union(*(paths(entry["fieldsV1"]) for entry in rest))
    return found, without(predicted, adopted - wished - others, wished | others)


def _entries(body: Json) -> list[Json]:
    entries: Sequence[Json] = body["metadata"].get("managedFields") or ()
    return [entry for entry in entries if entry.get("fieldsType") == "FieldsV1" and entry.get("fieldsV1")]


def _still_owned(predicted: Json, entry: Json) -> frozenset[Path]:
    """What the manager of an entry has after the apply: not the fields whose values we change, they go by force."""
    who = ("manager", "operation", "apiVersion")
    same = (other for other in _entries(predicted) if all(other.get(part) == entry.get(part) for part in who))
    return frozenset().union(*(paths(other["fieldsV1"]) for other in same if not other.get("subresource")))


def _is_ours(entry: Json) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def _former(entry: Json, managers: AbstractSet[str]) -> bool:
    """Whether the entry is of a tool that is not asked. Our own name with another operation is one, too."""
    if entry.get("subresource") or _is_ours(entry):
        return False
    return entry.get("manager") in managers or entry.get("manager") == MANAGER


def _entry(entries: Sequence[Json], api_version: str, members: frozenset[Path]) -> Json:
    known = next((entry for entry in entries if _is_ours(entry)), {})
    fresh: Json = {"manager": MANAGER, "operation": "Apply", "apiVersion": api_version, "fieldsType": "FieldsV1"}
    return fresh | known | {"fieldsV1": fields_v1(members)}
