"""Executing a plan: what waits for what, what goes on after a failure, and what is left alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.apply.execute import Result, Terms, execute
from controller.errors import NotReady, ShipslogError, Terminal, Transient, Unreachable
from controller.model.drift import Attribution
from controller.model.labels import OWNER_LABEL
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId, object_id
from controller.model.plan import Action, Plan, Step
from controller.ports import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json

TERMS = Terms("shop")


class Shore:
    """Objects by name, and what happened to them in which order. `refuse` says whose writes fail, and how."""

    name = "shore"

    def __init__(self, *standing: Json, refuse: Mapping[str, ShipslogError] | None = None) -> None:
        self.objects = {str(object_id(body)): body for body in standing}
        self.refuse = refuse or {}
        self.log: list[str] = []
        self.propagations: list[str] = []
        self.looks = 0

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Everything is served."""
        return Resource(api_version, kind, f"{kind.lower()}s", namespaced=True)

    def forget(self, _: object = None) -> None:
        """There is nothing to forget."""

    async def get(self, id_: ObjectId, _: str) -> Json | None:
        """The object. A Namespace becomes active only when it is looked at the second time."""
        found = self.objects.get(str(id_))
        if found is not None and id_.kind == "Namespace":
            self.looks += 1
            found = found | {"status": {"phase": "Active" if self.looks > 1 else "Pending"}}
            self.log.append(f"{id_} is {found['status']['phase']}")
        return found

    async def apply(self, body: Json, *, dry_run: bool = False, **_: Any) -> Json:
        """Write it, and say so."""
        name = str(object_id(body))
        await asyncio.sleep(0)
        self.log.append(f"{'try' if dry_run else 'write'} {name}")
        if name in self.refuse:
            raise self.refuse[name]
        stands = body | {"metadata": body["metadata"] | {"uid": f"uid {name}", "resourceVersion": "2"}}
        if not dry_run:
            self.objects[name] = stands
        return stands

    async def delete(self, id_: ObjectId, _: str, *, propagation: str, **__: Any) -> bool:
        """Delete it, and say so."""
        await asyncio.sleep(0)
        self.log.append(f"delete {id_}")
        if str(id_) in self.refuse:
            raise self.refuse[str(id_)]
        self.propagations.append(propagation)
        return self.objects.pop(str(id_), None) is not None


def body(name: str, kind: str = "ConfigMap", *, owner: str = "shop", **metadata: Any) -> Json:
    """An object in the namespace ns."""
    names = {"name": name, "namespace": "" if kind == "Namespace" else "ns", "labels": {OWNER_LABEL: owner}}
    names |= {"uid": f"uid {name}", "resourceVersion": "1"} | metadata
    return {"apiVersion": "v1", "kind": kind, "metadata": names}


def create(name: str, kind: str = "ConfigMap", *, deferred: bool = False) -> Step:
    """A step that creates it."""
    wish = body(name, kind)
    manifest = Manifest(object_id(wish), "v1", wish, f"digest of {name}")
    return Step(manifest.id, "v1", Action.CREATE, manifest=manifest, deferred=deferred)


def prune(name: str, kind: str = "ConfigMap") -> Step:
    """A step that deletes it."""
    return Step(object_id(body(name, kind)), "v1", Action.PRUNE, uid=f"uid {name}")


async def carried_out(shore: Shore, *steps: Step, terms: Terms = TERMS) -> dict[str, str]:
    """What came of each step that was attempted, as it was told."""
    told: list[Result] = []

    async def on_result(result: Result) -> None:
        told.append(result)

    results = await asyncio.wait_for(execute(shore, Plan(steps), terms, on_result), 30)  # type: ignore[arg-type]
    assert tuple(told) == results
    return {result.step.id.name: result.error for result in results}


async def test_nothing_is_written_into_a_namespace_before_it_is_active() -> None:
    """It is waited for, and the check of what could not be checked before comes ahead of all other writes."""
    shore = Shore()

    outcome = await carried_out(shore, create("a", deferred=True), create("b"), create("ns", "Namespace"))

    assert outcome == {"ns": "", "a": "", "b": ""}
    assert shore.log[:4] == [
        "write Namespace ns",
        "Namespace ns is Pending",
        "Namespace ns is Active",
        "try ConfigMap ns/a",
    ]
    assert sorted(shore.log[4:]) == ["write ConfigMap ns/a", "write ConfigMap ns/b"]


async def test_nothing_follows_a_foundation_that_could_not_be_written() -> None:
    """Not even where the foundation happens to be there already."""
    shore = Shore(body("old"), refuse={"Namespace ns": Transient("away")})
    shore.objects["Namespace ns"] = body("ns", "Namespace")  # it is there all the same

    outcome = await carried_out(shore, create("ns", "Namespace"), create("a"), prune("old"))

    assert outcome == {"ns": "away"}
    assert list(shore.objects) == ["ConfigMap ns/old", "Namespace ns"]


async def test_nothing_is_written_when_one_late_check_fails() -> None:
    """What is refused only now, behind its Namespace, stops its siblings as an early check would have."""
    shore = Shore(refuse={"ConfigMap ns/bad": Terminal("not like this")})

    outcome = await carried_out(
        shore, create("ns", "Namespace"), create("fine", deferred=True), create("bad", deferred=True)
    )

    assert outcome == {"ns": "", "bad": "not like this"}
    assert "ConfigMap ns/fine" not in shore.objects


async def test_one_object_that_fails_keeps_no_other_from_being_written() -> None:
    """Each has its own result; also those of later kinds."""
    shore = Shore(refuse={"ConfigMap ns/bad": Transient("quota")})

    outcome = await carried_out(shore, create("bad"), create("good"), create("web", "Service"))

    assert outcome == {"bad": "quota", "good": "", "web": ""}
    assert sorted(shore.objects) == ["ConfigMap ns/good", "Service ns/web"]


async def test_nothing_is_pruned_after_a_failure() -> None:
    """What left Git may still be what keeps the old version alive."""
    shore = Shore(body("old"), refuse={"ConfigMap ns/bad": Transient("quota")})

    assert await carried_out(shore, create("bad"), prune("old")) == {"bad": "quota"}
    assert "ConfigMap ns/old" in shore.objects


async def test_pruning_comes_last_and_runs_backwards() -> None:
    """First what runs, then what it refers to; all of it after the writes."""
    shore = Shore(body("old"), body("old", "Deployment"))

    await carried_out(shore, prune("old"), prune("old", "Deployment"), create("new"))

    assert shore.log == ["write ConfigMap ns/new", "delete Deployment ns/old", "delete ConfigMap ns/old"]
    assert list(shore.objects) == ["ConfigMap ns/new"]


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (body("old", uid="another"), "another object has its name by now"),
        (body("old", owner="bank"), "it no longer carries our owner label"),
        (body("old", labels={}), "it no longer carries our owner label"),
        (body("old", annotations={"shipslog.dev/prune": "never"}), "shipslog.dev/prune"),
    ],
    ids=["namesake", "handed over", "let go", "asks to stay"],
)
async def test_what_changed_since_the_plan_is_not_deleted(stands: Json, said: str) -> None:
    """The object is looked at once more right before; the next look decides anew."""
    shore = Shore(stands)

    outcome = await carried_out(shore, prune("old"))

    assert said in outcome["old"]
    assert shore.objects == {"ConfigMap ns/old": stands}


async def test_what_the_object_owns_goes_by_the_policy_of_the_application() -> None:
    """As the API spells it."""
    shore = Shore(body("old"))

    await carried_out(shore, prune("old"), terms=Terms("shop", "foreground"))

    assert shore.propagations == ["Foreground"]


async def test_nobody_is_asked_on_and_on_who_does_not_answer() -> None:
    """Each question may cost its whole time limit; what was not attempted has no result."""
    names = [f"map-{number}" for number in range(200)]
    shore = Shore(refuse={f"ConfigMap ns/{name}": Unreachable("no answer") for name in names})

    outcome = await carried_out(shore, *(create(name) for name in names), create("web", "Service"))

    assert 3 <= len(outcome) <= 53  # three in a row, and what was under way beside them
    assert "web" not in outcome
    assert len(shore.log) == len(outcome)


async def test_an_answer_in_between_counts_again_from_zero() -> None:
    """A server that refuses does answer."""
    refuse: dict[str, ShipslogError] = {
        f"{kind} ns/x": Unreachable("no answer") for kind in ("ServiceAccount", "Secret", "Service")
    }
    shore = Shore(refuse=refuse | {"ConfigMap ns/x": Transient("busy")})
    kinds = ("ServiceAccount", "Secret", "ConfigMap", "Service", "Deployment")

    await carried_out(shore, *(create("x", kind) for kind in kinds))

    assert "Deployment ns/x" in shore.objects


async def test_a_failure_has_one_word_and_says_when_to_try_again() -> None:
    """The name of the error, and for how long the server asked to be left alone."""
    fates: dict[str, ShipslogError] = {
        "never": Terminal("no"),
        "later": Transient("busy"),
        "then": NotReady("slow down", after=7.0),
    }
    shore = Shore(refuse={f"ConfigMap ns/{name}": error for name, error in fates.items()})
    told: dict[str, Result] = {}

    async def on_result(result: Result) -> None:
        told[result.step.id.name] = result

    await execute(shore, Plan(tuple(create(name) for name in fates)), TERMS, on_result)  # type: ignore[arg-type]

    found = {name: (result.after, result.cause) for name, result in told.items()}
    assert found == {
        "never": (0.0, "Rejected"),
        "later": (0.0, "Failed"),
        "then": (7.0, "NotReady"),
    }


class Conflict(Transient):
    """The object is another version by now."""


class Busy(Shore):
    """A controller writes the object's status after each of our looks; `spec_too`: somebody its spec as well."""

    def __init__(self, *standing: Json, spec_too: bool = False) -> None:
        super().__init__(*standing)
        self.spec_too = spec_too
        self.writes = 2

    async def apply(self, body: Json, **given: Any) -> Json:
        """Refused unless it is about the version that stands."""
        live = self.objects[str(object_id(body))]["metadata"]
        if self.writes:
            self.writes -= 1
            live["resourceVersion"] += "1"
            live["generation"] += self.spec_too
        if body["metadata"]["resourceVersion"] != live["resourceVersion"]:
            raise Conflict("the object has been modified")
        return await super().apply(body, **given)


def heal(name: str) -> Step:
    """A step that writes back what somebody changed in generation 3 of it."""
    seen = Attribution(certainty="manager", tier="C", resource_version="1", generation=3)
    step = create(name, "Deployment")
    return msgspec.structs.replace(step, action=Action.UPDATE, drifted=True, uid=f"uid {name}", attribution=seen)


async def test_a_heal_is_not_held_up_by_who_writes_the_status() -> None:
    """It is sent for the version that stands, as long as nobody wrote what it is about."""
    shore = Busy(body("web", "Deployment", generation=3))

    assert await carried_out(shore, heal("web")) == {"web": ""}
    assert shore.log == ["write Deployment ns/web"]


async def test_a_heal_is_given_up_where_somebody_wrote_the_spec_meanwhile() -> None:
    """What they wrote is looked at, and recorded, before it is overwritten."""
    shore = Busy(body("web", "Deployment", generation=3), spec_too=True)

    assert "modified" in (await carried_out(shore, heal("web")))["web"]
    assert shore.log == []
