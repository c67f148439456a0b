"""Replacing an object: looked at again right before it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.apply.foresee import foresee
from controller.kube.errors import Answer, Cause, Conflict, Denied, Immutable, Invalid, ServerError
from controller.model.labels import OBJECT_SYNC_ANNOTATION, OWNER_LABEL, REPLACE_ANNOTATION
from controller.model.manifest import Manifest
from controller.model.objects import object_id
from controller.model.plan import Action, Step
from tests.unit.apply.test_execute import Shore, body, carried_out

if TYPE_CHECKING:
    from controller.errors import ShipslogError
    from controller.model.base import Json
    from controller.model.objects import ObjectId

NEVER: dict[str, Any] = {"annotations": {OBJECT_SYNC_ANNOTATION: "never"}}
IMMUTABLE = Immutable(
    "data is immutable", answer=Answer(causes=(Cause("data", "FieldValueForbidden", "field is immutable", True),))
)


class Quay(Shore):
    """A server that deletes only the version that is named, and refuses dry runs of applies as it is told."""

    def __init__(self, *standing: Json, meets: ShipslogError | None = None) -> None:
        super().__init__(*standing)
        self.meets = meets
        self.created: list[Json] = []
        self.writers = 0
        """Writes of others between our next looks and deletions."""

    async def delete(self, id_: ObjectId, _: str, *, propagation: str, **given: Any) -> bool:
        """As the API server does: preconditions first."""
        live = self.objects[str(id_)]["metadata"]
        if self.writers:
            self.writers -= 1
            live["resourceVersion"] += "1"
        if given.get("uid") != live["uid"] or given.get("resource_version") != live["resourceVersion"]:
            raise Conflict("it is another by now")
        return await super().delete(id_, _, propagation=propagation)

    async def apply(self, body: Json, *, dry_run: bool = False, **given: Any) -> Json:
        """As told."""
        if dry_run and self.meets:
            raise self.meets
        return await super().apply(body, dry_run=dry_run, **given)

    async def create(self, body: Json, **_: Any) -> Json:
        """A dry run of the new object."""
        self.created.append(body)
        return body | {"metadata": body["metadata"] | {"uid": "new"}}


def replacing(name: str) -> Step:
    """A step that deletes it and creates it anew."""
    wish = body(name)
    manifest = Manifest(object_id(wish), "v1", wish, "digest")
    return Step(manifest.id, "v1", Action.UPDATE, manifest=manifest, uid=f"uid {name}", replaces=("data",))


async def test_the_version_that_was_looked_at_is_deleted_however_often_others_write() -> None:
    """Nothing comes in between the look and the deletion."""
    quay = Quay(body("a"))
    quay.writers = 2

    assert await carried_out(quay, replacing("a")) == {"a": ""}

    assert quay.log == ["delete ConfigMap ns/a", "write ConfigMap ns/a"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (NEVER, "its annotation shipslog.dev/sync is never"),
        ({"labels": {OWNER_LABEL: "another"}}, "another Application has it by now"),
        ({"uid": "another"}, "another object has its name by now"),
    ],
    ids=["untouchable", "handed over", "recreated"],
)
async def test_what_changed_hands_since_the_plan_is_not_replaced(changed: Json, why: str) -> None:
    """The next look decides anew."""
    quay = Quay(body("a", **changed))

    outcome = await carried_out(quay, replacing("a"))

    assert outcome == {"a": f"ConfigMap ns/a was not deleted: {why}"}
    assert quay.log == []


@pytest.mark.parametrize(
    "refusal",
    [IMMUTABLE, Invalid("no"), Denied("no"), ServerError("a webhook did not answer")],
    ids=lambda error: error.cause,
)
@pytest.mark.parametrize("replace", [False, True])
async def test_an_object_that_is_not_to_be_touched_is_refused_by_nobody(
    refusal: ShipslogError, *, replace: bool
) -> None:
    """Whatever a write to it would meet: there is none, and no replacement."""
    quay = Quay(body("a", **NEVER), meets=refusal)
    wish = body("a", annotations={REPLACE_ANNOTATION: "allowed"} if replace else {})
    manifest = Manifest(object_id(wish), "v1", wish, "digest")

    (foreseen,) = (await foresee(quay, [manifest], wished=[manifest])).values()  # type: ignore[arg-type]

    assert foreseen.untouched == "its annotation shipslog.dev/sync is never"
    assert quay.created == []


async def test_the_name_of_a_trial_is_one() -> None:
    """Cut where a name can end."""
    name = "a" * 49 + "-b"
    quay = Quay(body(name), meets=IMMUTABLE)
    wish = body(name, annotations={REPLACE_ANNOTATION: "allowed"})
    manifest = Manifest(object_id(wish), "v1", wish, "digest")

    (foreseen,) = (await foresee(quay, [manifest], wished=[manifest])).values()  # type: ignore[arg-type]

    assert [made["metadata"]["name"] for made in quay.created] == ["a" * 49 + "-replacement"]
    assert foreseen.replaces == ("data",)


async def test_what_is_refused_beside_the_old_object_is_told_with_the_reason_for_trying_it() -> None:
    """The reader learns which field started it, and a way out."""
    quay = Quay(body("a"), meets=IMMUTABLE)
    wish = body("a", annotations={REPLACE_ANNOTATION: "allowed"})
    manifest = Manifest(object_id(wish), "v1", wish, "digest")

    async def create(*_: Any, **__: Any) -> Json:
        raise Invalid("metadata.name must be the address")

    quay.create = create  # type: ignore[method-assign]
    with pytest.raises(Exception, match=r"data is immutable; and the new one, .* must be the address .*by hand"):
        await foresee(quay, [manifest], wished=[manifest])  # type: ignore[arg-type]
