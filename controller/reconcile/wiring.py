"""Who is told of what: news become keys on the queue, and words for a status."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from controller.model.objects import Key
from controller.model.run import Trigger
from controller.reconcile.concerned import concerned, reads
from controller.reconcile.dependencies import changed, release

if TYPE_CHECKING:
    from controller.model.repository import Repository
    from controller.reconcile.fleet import Target
    from controller.reconcile.outage import Outage
    from controller.reconcile.outages import Outages
    from controller.reconcile.reporting import Reporter
    from controller.reconcile.rooms import Rooms
    from controller.reconcile.sources import Sources


def wire(rooms: Rooms, sources: Sources, reporter: Reporter, outages: Outages) -> None:
    """Connect registry, fleet and sources with the queue and the reporter."""
    rooms.queue.cluster_of = lambda key: _cluster_of(rooms, key)
    rooms.registry.on_application = lambda key, trigger: _application(rooms, key, trigger)
    rooms.registry.on_repository = lambda key, repository: _repository(rooms, sources, key, repository)
    rooms.registry.on_cluster = rooms.fleet.change
    rooms.fleet.on_move = lambda owner, trigger: _moved(rooms, owner, trigger)
    rooms.fleet.on_state = functools.partial(_cluster_state, rooms, reporter, outages)
    rooms.fleet.on_figures = reporter.cluster
    sources.concerned = lambda key: concerned(key, rooms)
    sources.on_spread = lambda key: _spread(rooms, key)
    rooms.queue.expects = lambda key: _is_expected(rooms, sources, key)


def _cluster_of(rooms: Rooms, key: Key) -> str:
    app = rooms.registry.applications.get(key)
    return app.spec.destination.cluster if app else ""


def _application(rooms: Rooms, key: Key, trigger: Trigger) -> None:
    rooms.queue.put(key, trigger)
    if trigger is Trigger.SPEC:
        changed(key, rooms)


def _repository(rooms: Rooms, sources: Sources, key: Key, repository: Repository | None) -> None:
    if repository is None:
        rooms.metrics.forget_repository(key.namespace, key.name)
    sources.change(key, repository)


def _is_expected(rooms: Rooms, sources: Sources, key: Key) -> bool:
    """Whether a commit is known that may concern the Application: whoever depends on it must not go before it."""
    app = rooms.registry.applications.get(key)
    return app is not None and sources.is_moving(Key(key.namespace, app.spec.source.repository))


def _spread(rooms: Rooms, repository: Key) -> None:
    """Whoever waited for an Application that the commit does not concern need not wait for a look at it."""
    for key in list(rooms.waiting):
        app = rooms.registry.applications.get(key)
        if app is not None and reads(app, repository) and not rooms.queue.has(key):
            release(key, rooms)


def _moved(rooms: Rooms, owner: str, trigger: Trigger) -> None:
    """An object with this owner label moved in some cluster."""
    key = rooms.registry.owners.get(owner)
    if key is not None:
        rooms.queue.put(key, trigger)


def _cluster_state(
    rooms: Rooms, reporter: Reporter, outages: Outages, name: str, target: Target | None, outage: Outage | None
) -> None:
    """A cluster came or went: all its Applications are looked at."""
    outages.state(name, outage)
    reporter.cluster(name, target, outage)
    for app in rooms.registry.applications.values():
        if app.spec.destination.cluster == name:
            rooms.queue.put(app.key, Trigger.HEALTH)
