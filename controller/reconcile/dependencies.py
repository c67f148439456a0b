"""Waiting for other Applications: decided from their status, ended by what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.errors import NotReady, Terminal
from controller.govern.dependencies import cycle_through, obstacles
from controller.model.run import Trigger

if TYPE_CHECKING:
    from controller.model.objects import Key
    from controller.reconcile.rooms import Case, Rooms

LOOK_AGAIN = 300.0
"""Seconds after which a wait is looked at without being told: its end is told, so this is only for what we missed."""


class DependencyNotReady(NotReady):
    """It waits for another Application."""


class DependencyCycle(Terminal):
    """It waits for itself."""


def await_dependencies(case: Case) -> None:
    """Nothing, when another revision may be gone to now.

    Raises DependencyNotReady that names what it waits for, and DependencyCycle for each member of a cycle.
    """
    app, rooms = case.app, case.rooms
    last = app.status.last_run
    if not app.spec.depends_on or (last is not None and last.applied and last.digest == case.wish.digest):
        return
    applications = rooms.registry.applications
    cycle = cycle_through(app.key, applications)
    if cycle:
        for member in cycle:
            rooms.cycles.setdefault(member, set()).add(app.key)
        way = " -> ".join(key.name for key in (*cycle, app.key))
        raise DependencyCycle(f"spec.dependsOn: {way} waits for itself", remedy="remove one of these dependencies")
    matters = obstacles(app, applications, rooms.queue.has)
    if matters:
        for dependency in matters:
            rooms.waiting.setdefault(dependency, set()).add(app.key)
        named = "; ".join(f"{key.name}: {matter}" for key, matter in matters.items())
        raise DependencyNotReady(f"waiting for Application {named}", after=LOOK_AGAIN)


def release(key: Key, rooms: Rooms) -> None:
    """Have everyone look again who waits for this Application: it was looked at, or it is gone.

    Members of a cycle do not wait for each other's looks, which would never end.
    """
    for waiting in rooms.waiting.pop(key, ()):
        rooms.queue.put(waiting, Trigger.DEPENDENCY)


def changed(key: Key, rooms: Rooms) -> None:
    """Have the members of a cycle look again: the wish of one of them is another, so it may be broken."""
    for member in rooms.cycles.pop(key, ()):
        rooms.queue.put(member, Trigger.DEPENDENCY)
