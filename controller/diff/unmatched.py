"""Rules of ignored differences that leave nothing to anybody: no error, and never what was meant. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from controller.model.ignore import IgnoreDifference
from controller.model.objects import ObjectId

IDENTITY = frozenset({"/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"})
"""What makes an object the same object: never ignored (see controller.diff.ignored)."""


def unmatched(rules: Sequence[IgnoreDifference], subjects: Iterable[ObjectId]) -> Iterator[str]:
    """A sentence for each rule that fits none of the objects, and for each field that can't be ignored."""
    known = list(subjects)
    for index, rule in enumerate(rules):
        field = f"ignoreDifferences[{index}]"
        for pointer in rule.json_pointers:
            if pointer in IDENTITY:
                yield f"{field}: {pointer} names the object, and is never ignored"
        if known and not any(rule.covers(subject) for subject in known):
            yield f"{field} fits no object{_hint(rule, known)}"


def _hint(rule: IgnoreDifference, known: Sequence[ObjectId]) -> str:
    groups = {subject.group for subject in known if subject.kind == rule.kind}
    if not groups:
        return f": there is no {rule.kind} among them"
    if any(subject.group_kind.group == rule.group for subject in known if subject.kind == rule.kind):
        return f": no {rule.kind} has that name and namespace"
    wanted = " or ".join(f"group: {group}" if group else "no group" for group in sorted(groups))
    return f": for {rule.kind} write {wanted}"
