"""Who waits for whom."""

from __future__ import annotations

import msgspec
import pytest

from controller.govern.dependencies import cycle_through, obstacles
from controller.model.application import Application, ApplicationSpec, ApplicationStatus
from controller.model.condition import Condition
from controller.model.objects import Key


def _app(name: str, *depends_on: str, ready: str = "True", seen: int = 1, deleting: bool = False) -> Application:
    wish = {
        "source": {"repository": "r"},
        "destination": {"namespace": "ns"},
        "dependsOn": [{"name": dependency} for dependency in depends_on],
    }
    conditions = (Condition(type="Ready", status=ready, reason="Progressing"),) if ready else ()  # type: ignore[arg-type]
    status = ApplicationStatus(conditions=conditions, observed_generation=seen)
    spec = msgspec.convert(wish, ApplicationSpec)
    return Application(Key("team", name), name, 1, spec, status, deleting=deleting)


def _fleet(*apps: Application) -> dict[Key, Application]:
    return {app.key: app for app in apps}


def _names(keys: tuple[Key, ...]) -> str:
    return " ".join(key.name for key in keys)


@pytest.mark.parametrize(
    ("edges", "at", "way"),
    [
        ({"a": "b", "b": "c", "c": ""}, "a", ""),
        ({"a": "a"}, "a", "a"),
        ({"a": "b", "b": "a"}, "a", "a b"),
        ({"a": "b", "b": "a"}, "b", "b a"),
        ({"a": "b c", "b": "d", "c": "d", "d": ""}, "a", ""),
        ({"a": "b", "b": "c", "c": "b"}, "a", ""),
        ({"a": "b", "b": "c", "c": "b"}, "c", "c b"),
        ({"a": "b c", "b": "d", "c": "a", "d": "a"}, "a", "a c"),
        ({"a": "missing"}, "a", ""),
    ],
)
def test_only_the_members_of_a_cycle_are_in_it(edges: dict[str, str], at: str, way: str) -> None:
    """By the shortest way back; who merely depends on a member is none."""
    fleet = _fleet(*(_app(name, *depends_on.split()) for name, depends_on in edges.items()))

    assert _names(cycle_through(Key("team", at), fleet)) == way


@pytest.mark.parametrize(
    ("dependency", "in_hand", "matter"),
    [
        (_app("db"), False, ""),
        (_app("db"), True, "it is being looked at"),
        (_app("db", ready="False"), False, "it is not Ready (Progressing)"),
        (_app("db", ready="Unknown"), False, "it is not Ready (Progressing)"),
        (_app("db", ready=""), False, "it was not looked at yet"),
        (_app("db", seen=0), False, "its spec was not looked at yet"),
        (_app("db", deleting=True), False, "it is being deleted"),
        (_app("other"), False, "there is none of this name"),
    ],
)
def test_a_dependency_must_be_ready_for_what_is_wanted_now(dependency: Application, in_hand: bool, matter: str) -> None:
    """What it was Ready for before does not count."""
    app = _app("shop", "db")

    found = obstacles(app, _fleet(app, dependency), lambda _key: in_hand)

    assert list(found.values()) == ([matter] if matter else [])


def test_a_namesake_in_another_namespace_is_nobody() -> None:
    """Dependencies are of one namespace: another tenant's Application neither holds up nor is looked into."""
    app = _app("shop", "db")
    other = msgspec.structs.replace(_app("db"), key=Key("other-team", "db"))

    assert list(obstacles(app, _fleet(app, other), lambda _key: False).values()) == ["there is none of this name"]
