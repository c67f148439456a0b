"""kill -9 in the middle of what comes after a first sync: rollouts, heals, replacements, takeovers, moves, deletions.

In each of these a controller that has synced before dies at a named point; the next one goes on, and both cluster and
ledger end up as if nothing had happened.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from controller.model.labels import API_VERSION
from tests.acceptance.crew import crew
from tests.acceptance.records import assert_sound
from tests.ground.installation import NAMESPACE
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.crew import Crew
    from tests.ground.git_repository import Worktree
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"
FIXED = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed, annotations: {shipslog.dev/replace: allowed}}\n"
    "immutable: true\ndata: {version: '%s'}\n"
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Story:
    """A shop that was synced; then the point counts."""

    def __init__(self, world: World, crew: Crew) -> None:
        self.world = world
        self.crew = crew
        self.worktree: Worktree = world.repository()
        world.objects.namespace("shop")

    def sync(self, files: dict[str, str | None]) -> str:
        """Commit, and wait until that stands; the commit."""
        head = self.worktree.publish(files, f"{len(files)} files")
        if not self.world.status("shop"):
            self.world.application("shop")
        self.await_ready(head)
        return head

    def await_ready(self, head: str = "") -> None:
        """Wait until the Application is Ready."""
        self.crew.until(lambda: self.world._ready("shop", head), "it is ready")

    def version(self, name: str, namespace: str = "shop") -> str:
        """What the object says; empty while it is not there."""
        found = self.world.objects.get("v1", "ConfigMap", namespace, name)
        return str(found["data"].get("version", "")) if found else ""


@pytest.fixture
def story(world: World, where: str) -> Iterator[Story]:
    """The shop, and a controller that will die at the point that the test is given; in the end all is sound."""
    with crew(world, where) as sailing:
        yield Story(world, sailing)
        sailing.until_dead()
        sailing.until(sailing.process.is_ready, "the next one is under way")
        assert sailing.process.stop() == 0
    assert_sound(world.ledger.events())


def points(*names: str) -> pytest.MarkDecorator:
    """The test is told to die at each of these."""
    return pytest.mark.parametrize("where", names)


@points("after-inventory", "after-intent", "after-write", "after-write:3", "before-result", "before-completed")
def test_a_rollout_is_finished(story: Story) -> None:
    """A commit that changes one object, adds another and removes a third."""
    story.sync({"a.yaml": MAP % ("a", "1"), "b.yaml": MAP % ("b", "1")})
    story.crew.arm()

    story.sync({"a.yaml": MAP % ("a", "2"), "b.yaml": None, "c.yaml": MAP % ("c", "2")})

    assert [story.version(name) for name in ("a", "b", "c")] == ["2", "", "2"]


@points("after-drift-recorded", "after-write", "after-heal-recorded")
def test_an_object_that_somebody_removed_comes_back(story: Story) -> None:
    """One episode of drift, which ends once: a heal that nobody saw through was one all the same."""
    story.sync({"a.yaml": MAP % ("a", "1"), "b.yaml": MAP % ("b", "1")})
    story.crew.arm()

    story.world.objects.delete("v1", "ConfigMap", "shop", "a")

    story.crew.until_dead()
    story.crew.until(lambda: story.version("a") == "1", "it is back")
    story.await_ready()
    (detected,) = story.world.ledger.events("drift.detected")
    assert detected["detail"]["change"] == "deleted"


@points("after-old-deleted", "after-write")
def test_an_object_that_is_replaced_is_there_in_the_end(story: Story) -> None:
    """The old one may be gone already, and the new one not there yet."""
    story.sync({"fixed.yaml": FIXED % "1"})
    story.crew.arm()

    story.sync({"fixed.yaml": FIXED % "2"})

    assert story.version("fixed") == "2"


@points("after-takeover", "after-write")
def test_an_object_of_another_tool_is_taken_over(story: Story) -> None:
    """What that tool declared and Git does not goes all the same; the object is not created anew."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
    last = body | {"data": {"version": "0", "goes": "1"}}
    annotated = body["metadata"] | {"annotations": {LAST_APPLIED: json.dumps(last)}}  # type: ignore[operator]
    path = story.world.objects.path("v1", "ConfigMap", "shop")
    manager = "kubectl-client-side-apply"
    story.world.objects.admin.create(f"{path}?fieldManager={manager}", last | {"metadata": annotated})
    before = story.world.objects.get("v1", "ConfigMap", "shop", "a")
    story.crew.arm()

    story.sync({"a.yaml": MAP % ("a", "1")})

    live = story.world.objects.get("v1", "ConfigMap", "shop", "a")
    assert live is not None
    assert before is not None
    assert live["data"] == {"version": "1"}
    assert live["metadata"]["uid"] == before["metadata"]["uid"]
    assert {entry["manager"] for entry in live["metadata"]["managedFields"]} == {"shipslog"}


@points("after-deletion", "before-left", "after-left")
def test_an_application_that_moves_to_another_cluster_arrives(story: Story) -> None:
    """What stood in the old one is gone, and nothing of it is forgotten."""
    _connect(story.world, "abroad")
    story.world.objects.namespace("elsewhere")
    story.sync({"a.yaml": MAP % ("a", "1"), "b.yaml": MAP % ("b", "1")})
    story.crew.arm()

    story.world.application("shop", destination={"namespace": "elsewhere", "cluster": "abroad"})

    story.crew.until(lambda: story.version("b", "elsewhere") == "1", "it has arrived")
    story.await_ready()
    assert [story.version(name, "elsewhere") for name in ("a", "b")] == ["1", "1"]
    assert [story.version(name) for name in ("a", "b")] == ["", ""]


def _connect(world: World, name: str) -> None:
    """The home cluster under another name, as a cluster of its own."""
    reference = {"name": f"{name}-kubeconfig", "namespace": NAMESPACE}
    kubeconfig = world.plane.kubeconfig.read_text(encoding="utf-8")
    world.objects.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": reference, "stringData": {"kubeconfig": kubeconfig}},
        {
            "apiVersion": API_VERSION,
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"kubeconfigSecretRef": reference},
        },
    )


@points("after-deletion:2", "before-result")
def test_a_deleted_application_goes_with_its_objects(story: Story) -> None:
    """However far the deletion had come."""
    story.sync({"a.yaml": MAP % ("a", "1"), "b.yaml": MAP % ("b", "1")})
    story.crew.arm()

    story.world.objects.delete(API_VERSION, "Application", TEAM, "shop")

    story.crew.until(lambda: story.world.objects.get(API_VERSION, "Application", TEAM, "shop") is None, "it is gone")
    assert [story.version(name) for name in ("a", "b")] == ["", ""]
    assert len(story.world.ledger.events("application.deleted")) == 1


@points("before-rewrite-recorded", "after-rewrite-recorded")
def test_rewritten_history_is_recorded_and_followed(story: Story) -> None:
    """The mirror has the new history by then: that it is another one than before is recorded all the same, once."""
    first = story.sync({"a.yaml": MAP % ("a", "0")})
    old = story.sync({"a.yaml": MAP % ("a", "1")})
    story.crew.arm()

    story.worktree.rewind(first)
    new = story.worktree.commit({"a.yaml": MAP % ("a", "2")}, "written anew")
    story.worktree.push(force=True)

    story.await_ready(new)
    assert story.version("a") == "2"
    story.crew.until(lambda: story.world.ledger.events("revision.rewritten"), "the rewrite is recorded")
    (rewritten,) = story.world.ledger.events("revision.rewritten")
    assert (rewritten["detail"]["old"], rewritten["detail"]["new"]) == (old, new)
