"""The patch that a status is written by."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.reconcile.announce import merge_patch

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3),
    lambda below: st.dictionaries(st.sampled_from("abcd"), below, max_size=4),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.sampled_from("abcd"), _VALUES, max_size=4)


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7386 section 2, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def test_what_a_run_does_not_say_any_more_goes_from_inside_the_last_one() -> None:
    """A failed run must not keep the deadline, the actor or the success of the one before."""
    old = {"lastRun": {"id": "1", "phase": "Succeeded", "applied": True, "actor": "operator", "deadline": "then"}}
    new = {"lastRun": {"id": "2", "phase": "Failed"}}

    assert _merge(old, merge_patch(old, new)) == new


@given(old=_OBJECTS, new=_OBJECTS)
def test_the_patch_turns_any_status_into_any_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    """At every depth; a status holds no nulls."""
    old, new = _without_nulls(old), _without_nulls(new)

    assert _merge(old, merge_patch(old, new)) == new
    assert merge_patch(new, new) == {}
