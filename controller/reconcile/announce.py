"""What is said to people: the status of our objects, and Kubernetes Events."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Literal

import msgspec

from controller import logs
from controller.errors import ShipslogError
from controller.model.application import Application, ApplicationStatus
from controller.model.labels import API_VERSION, GROUP
from controller.model.objects import Key, ObjectId
from controller.reconcile.moment import whole
from controller.reconcile.registry import application

if TYPE_CHECKING:
    from controller import ports
    from controller.model.base import Json
    from controller.model.cluster import Cluster
    from controller.model.repository import Repository
    from controller.reconcile.registry import Registry

MESSAGE = 1024
"""Characters of an Event's message (the API's limit)."""
_log = logs.get_logger(__name__)


class Announcer:
    """Writes to the home cluster what became of things."""

    def __init__(self, home: ports.Cluster, registry: Registry, producer: str) -> None:
        self._home = home
        self._registry = registry
        self._producer = producer

    async def status(self, app: Application, status: ApplicationStatus) -> Application:
        """Write the status if it differs from what stands; gives the Application with the status as it stands then.

        Its wish stays the one that was given: who works on it goes on with what was read, and a wish that changed
        meanwhile is another look's. An Application that was deleted meanwhile is given back as it was. Raises what the
        API refuses otherwise.
        """
        if status == app.status:
            return app
        patch = merge_patch(msgspec.to_builtins(app.status), msgspec.to_builtins(status))
        body = await self.write("Application", app.key, patch)
        if body is None:
            return app
        self._registry.accept(body)
        return as_read(application(body), app)

    async def write(self, kind: str, key: Key, status: Json) -> Json | None:
        """Merge into the status of one of our objects; None when the object is gone."""
        target = ObjectId(GROUP, kind, key.namespace, key.name)
        try:
            return await self._home.merge(target, API_VERSION, {"status": status}, subresource="status")
        except ShipslogError:
            if await self._home.get(target, API_VERSION) is None:
                return None
            raise

    async def finalizers(self, app: Application, finalizers: tuple[str, ...]) -> Application:
        """Replace the finalizers; refused where somebody changed the Application meanwhile."""
        target = ObjectId(GROUP, "Application", app.key.namespace, app.key.name)
        metadata = {"finalizers": list(finalizers), "resourceVersion": app.resource_version}
        body = await self._home.merge(target, API_VERSION, {"metadata": metadata})
        if not body["metadata"].get("deletionTimestamp"):  # else it is gone by now, and must not come back to us
            self._registry.accept(body)
        return application(body)

    async def annotate(self, app: Application, name: str, value: str | None) -> Application:
        """Set an annotation, or remove it; refused where somebody changed the Application meanwhile."""
        target = ObjectId(GROUP, "Application", app.key.namespace, app.key.name)
        metadata = {"annotations": {name: value}, "resourceVersion": app.resource_version}
        body = await self._home.merge(target, API_VERSION, {"metadata": metadata})
        self._registry.accept(body)
        latest = application(body)
        return msgspec.structs.replace(as_read(latest, app), annotations=latest.annotations)

    async def event(
        self,
        about: Application | Repository | Cluster,
        reason: str,
        message: str,
        *,
        kind: Literal["Normal", "Warning"] = "Normal",
    ) -> None:
        """Emit a Kubernetes Event about one of our objects: a courtesy, whose failure is only logged.

        One about an object without a namespace stands in `default`, as the API server wants it.
        """
        now = whole(time.time())
        key = about.key
        namespaced = {"namespace": key.namespace} if key.namespace else {}
        version = {"resourceVersion": about.resource_version} if isinstance(about, Application) else {}
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{key.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": key.namespace or "default"},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": type(about).__name__,
                "name": key.name,
                **namespaced,
                "uid": about.uid,
                **version,
            },
            "type": kind,
            "reason": reason,
            "message": message[:MESSAGE],
            "source": {"component": "shipslog", "host": self._producer},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._home.create(body)
        except ShipslogError as error:
            _log.warning("Event not emitted", object=str(key), reason=reason, error=str(error))


def as_read(latest: Application, read: Application) -> Application:
    """The latest state of an Application with the wish and the requests that were read at the beginning of a look."""
    return msgspec.structs.replace(
        latest, spec=read.spec, generation=read.generation, annotations=read.annotations, deleting=read.deleting
    )


def merge_patch(old: Json, new: Json) -> Json:
    """The merge patch that turns old into new (RFC 7386): what is not said any more becomes null, at every depth.

    The server merges objects into objects: a field that is left out of the patch would stay as it was.
    """
    patch: Json = dict.fromkeys(old.keys() - new.keys())
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            below = merge_patch(before, value)
            if below:
                patch[name] = below
        elif before != value:
            patch[name] = value
    return patch
