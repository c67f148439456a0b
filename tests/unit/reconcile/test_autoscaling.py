"""Replicas that an autoscaler has: left to it, and never taken back because nobody could be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.kube.errors import Forbidden, KindUnknown, ServerError, Throttled, Unreachable
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId
from controller.reconcile.autoscaling import scaled
from controller.reconcile.rooms import Memory

if TYPE_CHECKING:
    from controller.errors import ShipslogError
    from controller.model.base import Json

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
HPA: Json = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": TARGET}}
WEB = Manifest(ObjectId("apps", "Deployment", "shop", "web"), "apps/v1", {"spec": {"replicas": 3}}, "d")
DECLARED = Manifest(ObjectId("autoscaling", "HorizontalPodAutoscaler", "shop", "web"), "autoscaling/v2", HPA, "d")


class Servant:
    """A cluster with one autoscaler, or one that does not say so."""

    def __init__(self, error: ShipslogError | None = None) -> None:
        self.error = error

    async def list(self, *_: Any, **__: Any) -> list[Json]:
        """All autoscalers."""
        if self.error is not None:
            raise self.error
        return [HPA]


async def _ignored(cluster: Servant, *wished: Manifest, memory: Memory | None = None) -> Any:
    marked = await scaled([WEB], wished or [WEB], cluster, memory or Memory("u"))  # type: ignore[arg-type]
    return [pointer for rule in marked[0].ignored for pointer in rule.json_pointers]


async def test_replicas_are_left_to_the_autoscaler() -> None:
    """Whoever made it."""
    assert await _ignored(Servant()) == ["/spec/replicas"]


@pytest.mark.parametrize("error", [ServerError("500"), Unreachable("away"), Throttled("busy", after=1.0)])
async def test_a_server_that_does_not_say_which_autoscalers_there_are_ends_the_look(error: ShipslogError) -> None:
    """Nothing is planned without them: Git's number would be written over theirs, and called drift."""
    with pytest.raises(type(error)):
        await _ignored(Servant(error))


@pytest.mark.parametrize("error", [Forbidden("no right"), KindUnknown("not served")])
async def test_where_they_cant_be_read_those_of_git_count(error: ShipslogError) -> None:
    """A missing right stays missing: everything else goes on without."""
    assert await _ignored(Servant(error)) == []
    assert await _ignored(Servant(error), WEB, DECLARED) == ["/spec/replicas"]


async def test_what_was_said_of_an_object_goes_with_it() -> None:
    """The condition speaks of what Git has."""
    memory = Memory("u")
    await _ignored(Servant(), memory=memory)
    assert list(memory.notes.values()) == [f"{WEB.id}: spec.replicas is left to HorizontalPodAutoscaler web"]

    await scaled([], [WEB], Servant(), memory)  # type: ignore[arg-type]
    assert memory.notes
    await scaled([], [DECLARED], Servant(), memory)  # type: ignore[arg-type]
    assert not memory.notes
