"""From wishes and what the server foresees to steps."""

from __future__ import annotations

from typing import Any

import pytest

from controller.diff.normalise import Ownership, claim
from controller.diff.plan import foreign_owner, mark, needs_question, prune_step, step_of
from controller.errors import Terminal
from controller.model.health import Health, HealthStatus
from controller.model.labels import OWNER_LABEL
from controller.model.live import Baseline, Foreseen, LiveView, Mark
from controller.model.manifest import Manifest
from controller.model.objects import Key, ObjectId
from controller.model.plan import Action

ID = ObjectId("", "ConfigMap", "ns", "a")
WISH = Manifest(ID, "v1", {}, "wish", "a.yaml")
BASE = Baseline("wish", "ours", "10")


def _live(data: str = "1", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "10", **metadata},
        "data": {"x": data},
    }


def _view(ownership: str = "ours", version: str = "11", *, deleting: bool = False) -> LiveView:
    health = Health(HealthStatus.HEALTHY)
    return LiveView(ID, "u", "owner", ownership, version, health, seen=0.0, deleting=deleting)


@pytest.mark.parametrize(
    ("baseline", "view", "watched", "expected"),
    [
        (None, _view(), True, Mark.UNKNOWN),
        (BASE, _view(), False, Mark.UNKNOWN),
        (BASE, None, True, Mark.GONE),
        (BASE, _view(), True, Mark.SAME),
        (BASE, _view("theirs"), True, Mark.MOVED),
        (BASE, _view("theirs", "9"), True, Mark.SAME),  # the watch lags behind our own write
        (BASE, _view(deleting=True), True, Mark.MOVED),
    ],
)
def test_a_watched_object_stands_to_its_baseline(
    baseline: Baseline | None, view: LiveView | None, watched: bool, expected: Mark
) -> None:
    """Same, moved, gone, or unknown; an older view than our own write is never a move."""
    assert mark(baseline, view, watched=watched) is expected
    assert needs_question(WISH, baseline, expected) == (expected is not Mark.SAME)


def test_another_wish_is_always_asked_about() -> None:
    """A new revision of the object is dry-run although nothing moved in the cluster."""
    assert needs_question(WISH, Baseline("older", "ours", "10"), Mark.SAME)


@pytest.mark.parametrize("stood", [True, False])
def test_the_servers_answer_becomes_a_step(stood: bool) -> None:
    """Missing: create. Different: update, with fields. Equal: unchanged. It is drift where the same wish stood."""
    created = step_of(WISH, Foreseen(None, _live()), stood=stood)
    updated = step_of(WISH, Foreseen(_live("hand"), _live("1")), stood=stood)
    same = step_of(WISH, Foreseen(_live(), _live(managedFields=[1])), stood=stood)
    going = step_of(WISH, Foreseen(_live(deletionTimestamp="now"), _live()), stood=stood)
    waiting = step_of(WISH, Foreseen(deferred="Namespace ns"), stood=False)

    assert (created.action, updated.action, same.action) == (Action.CREATE, Action.UPDATE, Action.UNCHANGED)
    assert (created.drifted, updated.drifted, same.drifted) == (stood, stood, False)
    assert [change.path for change in updated.changes] == ["/data/x"]
    assert (updated.attribution is not None) == stood
    assert going.action is Action.SKIP
    assert (waiting.action, waiting.deferred, waiting.reason) == (Action.CREATE, True, "after Namespace ns")


def test_only_what_carries_our_label_and_does_not_ask_to_stay_is_pruned() -> None:
    """Gone: nothing to do. Relabelled, kept, or going already: skipped with the reason."""
    ours = {"labels": {OWNER_LABEL: "me"}}

    def step(**metadata: Any) -> tuple[Action, str] | None:
        found = prune_step(ID, "v1", _live(**metadata), "me")
        return (found.action, found.reason) if found else None

    assert prune_step(ID, "v1", None, "me") is None
    assert step(**ours) == (Action.PRUNE, "Git no longer has it")
    assert step() == (Action.SKIP, "it no longer carries our owner label")
    assert step(labels={OWNER_LABEL: "other"}) == (Action.SKIP, "it no longer carries our owner label")
    kept = step(**ours, annotations={"shipslog.dev/prune": "disabled"})
    assert kept == (Action.SKIP, "its annotation shipslog.dev/prune is disabled")
    assert step(**ours, deletionTimestamp="now") == (Action.SKIP, "it is being deleted since now")


def test_a_foreign_owner_is_told() -> None:
    """Ours and nobody's are no foreign owner."""
    assert foreign_owner(None, "me") == ""
    assert foreign_owner(_live(), "me") == ""
    assert foreign_owner(_live(labels={OWNER_LABEL: "me"}), "me") == ""
    assert foreign_owner(_live(labels={OWNER_LABEL: "other"}), "me") == "other"


def test_a_rendered_object_becomes_ours() -> None:
    """Namespace where it has none, our marks, none of the server's metadata, no status; the digest follows content."""
    ownership = Ownership("default", Key("team", "shop"))
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "labels": {"a": "b"}, "annotations": None},
        "data": {"x": "1"},
        "status": {"y": 1},
    }

    def make(**more: Any) -> Manifest:
        return claim(body | more, "a.yaml", namespaced=True, namespace="ns", ownership=ownership)

    wish = make()
    assert wish.id == ID
    assert wish.body["metadata"] == {
        "name": "a",
        "namespace": "ns",
        "labels": {"a": "b", **ownership.labels},
        "annotations": ownership.annotations,
    }
    assert "status" not in wish.body
    assert make().digest == wish.digest
    assert make(data={"x": "2"}).digest != wish.digest
    assert body["metadata"]["uid"] == "u"  # type: ignore[index] # the rendering is shared: never changed in place


def test_string_data_of_a_secret_becomes_data_and_wins_over_it() -> None:
    """As the server has it; anything that is no text is left for the server to refuse."""
    ownership = Ownership("default", Key("team", "shop"))

    def make(**fields: Any) -> dict[str, Any]:
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}} | fields
        return claim(body, "s.yaml", namespaced=True, namespace="ns", ownership=ownership).body

    made = make(data={"a": "MQ==", "b": "Mg=="}, stringData={"a": "hi"})
    assert "stringData" not in made
    assert made["data"] == {"a": "aGk=", "b": "Mg=="}
    assert make(stringData={"a": 1})["stringData"] == {"a": 1}
    assert make(kind="ConfigMap", stringData={"a": "hi"})["stringData"] == {"a": "hi"}


def test_a_cluster_scoped_object_with_a_namespace_is_refused_by_name() -> None:
    """The error names file, object and field."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}}

    with pytest.raises(Terminal, match=r"x\.yaml: Namespace a is cluster-scoped, but metadata\.namespace is 'b'"):
        claim(body, "x.yaml", namespaced=False, namespace="ns", ownership=Ownership("default", Key("t", "s")))
