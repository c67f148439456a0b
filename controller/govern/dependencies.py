"""Who must be Ready before whom. PURE.

Dependencies are of one namespace: an Application can't be held up, or be looked into, by another tenant's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.objects import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from controller.model.application import Application


def dependencies_of(app: Application) -> tuple[Key, ...]:
    """What it waits for, in the order of its spec."""
    return tuple(Key(app.key.namespace, dependency.name) for dependency in app.spec.depends_on)


def cycle_through(key: Key, applications: Mapping[Key, Application]) -> tuple[Key, ...]:
    """The shortest way from an Application over its dependencies back to itself; empty when there is none.

    Who only depends on a member of a cycle is no member: it waits.
    """
    came_from: dict[Key, Key] = {}
    layer = [key]
    while layer:
        following: list[Key] = []
        for at in layer:
            app = applications.get(at)
            for dependency in dependencies_of(app) if app else ():
                if dependency == key:
                    return _way(at, came_from)
                if dependency not in came_from:
                    came_from[dependency] = at
                    following.append(dependency)
        layer = following
    return ()


def _way(end: Key, came_from: Mapping[Key, Key]) -> tuple[Key, ...]:
    way = [end]
    while way[-1] in came_from:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))


def obstacles(
    app: Application, applications: Mapping[Key, Application], in_hand: Callable[[Key], bool]
) -> dict[Key, str]:
    """Dependencies that are not Ready, and what is the matter with each.

    `in_hand` says whether an Application waits for a look: a commit that is news for both must reach it first.
    """
    found: dict[Key, str] = {}
    for key in dependencies_of(app):
        dependency = applications.get(key)
        if dependency is None:
            found[key] = "there is none of this name"
        elif dependency.deleting:
            found[key] = "it is being deleted"
        elif in_hand(key):
            found[key] = "it is being looked at"
        elif matter := _matter(dependency):
            found[key] = matter
    return found


def _matter(app: Application) -> str:
    if app.status.observed_generation != app.generation:
        return "its spec was not looked at yet"
    ready = next((condition for condition in app.status.conditions if condition.type == "Ready"), None)
    if ready is None:
        return "it was not looked at yet"
    return "" if ready.status == "True" else f"it is not Ready ({ready.reason})"
