"""What Git does to us: versions, moved tags, deleted branches and paths, servers that are away or stall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually
from tests.ground.git_server import GitServer, git

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


def _version(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""


def _app(world: World, name: str, **source: Any) -> None:
    world.application(name, source=source, destination={"namespace": "shop"})


def test_a_range_follows_releases_and_a_moved_tag_is_recorded(world: World, controller: ControllerProcess) -> None:
    """The highest version is taken, pre-releases only where one is named; both ids of a moved tag are in the log."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()

    def release(version: str) -> str:
        files = {f"{name}/a.yaml": MAP % (name, version) for name in ("stable", "early")}
        sha = worktree.publish(files, version)
        worktree.tag(version)
        worktree.push(version)
        return sha

    first = release("v1.9.0")
    _app(world, "stable", ref={"semver": ">=1.0 <2"}, path="stable")
    _app(world, "early", ref={"semver": ">=1.0.0-0"}, path="early")
    world.await_ready("stable", "early", revision=first)

    second, third = release("v1.10.0"), release("v2.0.0-rc.1")
    world.await_ready("stable", revision=second)
    world.await_ready("early", revision=third)
    assert (_version(world, "stable"), _version(world, "early")) == ("v1.10.0", "v2.0.0-rc.1")
    assert world.status("stable")["revision"]["ref"] == "refs/tags/v1.10.0"
    assert world.ledger.events("revision.rewritten") == []

    moved = worktree.publish({"stable/a.yaml": MAP % ("stable", "moved")}, "moved")
    worktree.tag("v1.10.0", force=True)
    worktree.push("v1.10.0", force=True)
    world.await_ready("stable", revision=moved)
    detail = world.await_event("revision.rewritten")["detail"]
    assert (detail["ref"], detail["old"], detail["new"]) == ("refs/tags/v1.10.0", second, moved)


def test_what_goes_away_in_git_is_said_and_what_stands_stays(world: World, controller: ControllerProcess) -> None:
    """A deleted branch, a deleted path, a repository without a commit: a sentence, an event, and nothing is pruned.

    Once it is back, the Application goes on by itself.
    """
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"path/a.yaml": MAP % ("path", "1"), "branch/a.yaml": MAP % ("branch", "1")}, "first")
    git("push", "-q", "origin", "HEAD:refs/heads/release", cwd=worktree.path)
    world.repository("empty")
    _app(world, "path", path="path")
    _app(world, "branch", path="branch", ref={"branch": "release"})
    world.application("empty", repository="empty", destination={"namespace": "shop"})
    world.await_ready("path", "branch")

    git("push", "-q", "origin", ":refs/heads/release", cwd=worktree.path)
    worktree.publish({"path/a.yaml": None}, "the path is gone")
    expected = {
        "path": ("PathNotFound", "path does not exist (check spec.source.path; there is branch)"),
        "branch": ("RefNotFound", "has no branch 'release' (it has: main)"),
        "empty": ("RefNotFound", "is empty"),
    }
    for name, (reason, sentence) in expected.items():
        condition = eventually(lambda name=name, reason=reason: _because(world, name, reason), f"{name} says why")  # type: ignore[misc]
        assert condition is not None
        assert sentence in condition["message"], condition
        events = eventually(lambda name=name: _refusals(world, name), f"{name} has an event")  # type: ignore[misc]
        assert sentence in events[-1]["reason"]
    assert (_version(world, "path"), _version(world, "branch")) == ("1", "1")
    empty = eventually(lambda: world.condition("empty", "Ready", "Repository"), "the repository says something")
    assert (empty["status"], empty["reason"]) == ("True", "Empty")

    worktree.publish({"path/a.yaml": MAP % ("path", "2"), "branch/a.yaml": MAP % ("branch", "2")}, "back")
    git("push", "-q", "origin", "HEAD:refs/heads/release", cwd=worktree.path)
    world.repositories["empty"][1].publish({"a.yaml": MAP % ("empty", "1")}, "the first")
    for name, version in (("path", "2"), ("branch", "2"), ("empty", "1")):
        eventually(lambda name=name, version=version: _version(world, name) == version, f"{name} goes on")  # type: ignore[misc]
    assert {name: len(_refusals(world, name)) for name in expected} == dict.fromkeys(expected, 1)


def test_a_server_that_is_away_or_stalls_costs_nothing_but_news(world: World, controller: ControllerProcess) -> None:
    """Said on the Repository, recorded once; drift is healed, a neighbour goes on, and so does it afterwards."""
    del controller
    world.objects.namespace("shop")
    shaky = GitServer(world.directory / "shaky").start()
    try:
        world.git, steady = shaky, world.git
        worktree = world.repository("shaky")
        world.git = steady
        neighbour = world.repository("steady")
        world.objects.edit("shipslog.dev/v1alpha1", "Repository", "team-pay", "shaky", {"spec": {"timeout": "2s"}})
        worktree.publish({"a.yaml": MAP % ("shaky", "1")}, "first")
        neighbour.publish({"a.yaml": MAP % ("steady", "1")}, "first")
        for name in ("shaky", "steady"):
            world.application(name, repository=name, destination={"namespace": "shop"})
        world.await_ready("shaky", "steady")

        shaky.stall_after(20)
        eventually(lambda: _why(world, "shaky") == "TimedOut", "the stall is said")
        second = neighbour.publish({"a.yaml": MAP % ("steady", "2")}, "second")
        world.await_ready("steady", revision=second, seconds=20)
        shaky.stop()
        eventually(lambda: _why(world, "shaky") == "ConnectionFailed", "the refusal is said")
        world.objects.edit("v1", "ConfigMap", "shop", "shaky", {"data": {"version": "by hand"}})
        eventually(lambda: _version(world, "shaky") == "1", "drift is healed without Git")
        assert world.condition("shaky", "Ready")["status"] == "True"

        shaky.start()
        worktree.publish({"a.yaml": MAP % ("shaky", "2")}, "second")
        eventually(lambda: _version(world, "shaky") == "2", "it goes on", seconds=60)
        causes = [event["detail"]["cause"] for event in world.ledger.events("repository.failed")]
        assert causes == ["TimedOut", "ConnectionFailed"]
        world.await_event("repository.recovered")
    finally:
        shaky.stop()


def _because(world: World, name: str, reason: str) -> dict[str, Any] | None:
    condition = world.condition(name, "Ready")
    return dict(condition) if condition.get("reason") == reason else None


def _why(world: World, name: str) -> str:
    return str(world.condition(name, "Ready", "Repository").get("reason", ""))


def _refusals(world: World, name: str) -> list[dict[str, Any]]:
    return [event for event in world.ledger.events("sync.refused") if event["target"]["application"] == name]


def test_a_submodule_and_a_pointer_of_git_lfs_are_refused_by_name(world: World, controller: ControllerProcess) -> None:
    """What is rendered stands in Git itself: each is a sentence with the file, and an event; a neighbour syncs."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish(
        {
            "lfs/a.yaml": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n",
            "module/kustomization.yaml": "resources: [vendor/base]\n",
            "fine/a.yaml": MAP % ("fine", "1"),
        },
        "first",
    )
    git("update-index", "--add", "--cacheinfo", f"160000,{worktree.head()},module/vendor/base", cwd=worktree.path)
    git("commit", "-q", "-m", "a submodule", cwd=worktree.path)
    worktree.push()
    for name in ("lfs", "module", "fine"):
        _app(world, name, path=name)

    for name, sentences in {
        "lfs": ("lfs/a.yaml is a pointer of Git LFS",),
        "module": ("module/vendor/base", "submodule"),
    }.items():
        event = eventually(lambda name=name: _refusals(world, name), f"{name} has an event")[0]  # type: ignore[misc]
        assert all(sentence in event["reason"] for sentence in sentences), event
        assert world.condition(name, "Ready")["status"] == "False"
    world.await_ready("fine")
