"""Writes in our own name within the second of our own: managedFields, whose times are whole seconds, don't tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import OWNER_LABEL
from controller.model.objects import GroupKind, ObjectId
from controller.model.run import Trigger
from controller.observe import own_writes
from controller.observe.live import LiveState
from controller.ports import WatchEvent

if TYPE_CHECKING:
    import pytest

KIND = GroupKind("", "ConfigMap")
ONE = ObjectId("", "ConfigMap", "ns", "one")


def _body(version: int, generation: int = 0) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": "one",
        "namespace": "ns",
        "uid": "u",
        "resourceVersion": str(version),
        "labels": {OWNER_LABEL: "us"},
    }
    if generation:
        metadata["generation"] = generation
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def _told(first: dict[str, Any], *events: dict[str, Any]) -> tuple[LiveState, list[tuple[str, Trigger]]]:
    moves: list[tuple[str, Trigger]] = []
    live = LiveState(
        None,  # type: ignore[arg-type]  # nothing is asked of a cluster
        ownership=lambda _: "the same",
        on_move=lambda owner, why: moves.append((owner, why)),
    )
    live.learn(first)
    for body in events:
        live._follow(KIND, WatchEvent("modified", body))
    return live, moves


def test_a_change_right_after_our_write_is_looked_at() -> None:
    """Same managedFields, newer version: somebody may have borrowed our name. The view differs from the baseline."""
    live, moves = _told(_body(1), _body(2))

    assert moves == [("us", Trigger.DRIFT)]
    view = live.view(ONE)
    assert view is not None
    assert view.ownership != "the same"


def test_our_own_write_and_a_status_are_no_news() -> None:
    """The watch's word of our own write, and a write that left the generation as it was."""
    assert _told(_body(1), _body(1))[1] == []
    assert _told(_body(1, 4), _body(2, 4))[1] == []
    assert _told(_body(1, 4), _body(2, 5))[1] == [("us", Trigger.DRIFT)]


def test_later_on_managed_fields_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second write in our name moves the entry's time then, and a status of a kind without generation is cheap."""
    monkeypatch.setattr(own_writes, "BLIND", -1.0)

    assert _told(_body(1), _body(2))[1] == []
