from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.model.labels import SUSPENSION_ANNOTATION
from controller.model.suspension import parse
from tests.integration.cli.ship import APPLICATIONS, CONFIGMAPS, configmap

if TYPE_CHECKING:
    from tests.integration.cli.ship import Ship


@pytest.fixture
def shop(ship: Ship) -> Ship:
    """An Application that syncs when it is asked."""
    ship.application("shop", mode="manual")
    return ship


def test_a_plan_shows_what_a_sync_would_do_and_does_nothing(shop: Ship) -> None:
    """The plan names every object that would change; the cluster is as it was."""
    shop.publish("shop", 3, extra=configmap("extra", 1))
    before = shop.configmaps()

    said = shop.shell("plan", "shop", "-o", "json", "--exit-code")

    assert said.code == 1, said.err
    steps = {(step["action"], step["kind"], step["name"]) for step in said.json["steps"]}
    assert ("create", "ConfigMap", "extra") in steps
    assert shop.configmaps() == before
    shop.publish("shop", 3, extra=None)


def test_a_sync_shows_the_plan_and_ends_when_the_objects_are_live(shop: Ship) -> None:
    """Exit code 0 means that the cluster holds what Git says, asked for by the user that the server knows."""
    shop.publish("shop", 7)

    said = shop.shell("sync", "shop")

    assert said.code == 0, said.out + said.err
    assert "ConfigMap team/shop" in said.out
    assert "Succeeded" in said.out.splitlines()[-1]
    assert shop.live("shop") == "7"
    run = shop.plane.admin.get(f"{APPLICATIONS}/shop")["status"]["lastRun"]
    assert (run["trigger"], run["actor"]) == ("user", "admin")


def test_a_plan_shows_each_field_before_and_after(shop: Ship) -> None:
    """A hand edit stands beside what Git says."""
    shop.publish("shop", 11)
    assert shop.shell("sync", "shop").code == 0
    shop.plane.admin.merge(f"{CONFIGMAPS}/shop", {"data": {"depth": "12"}})

    said = shop.shell("plan", "shop")

    assert '/data/depth: "12" -> "11"' in said.out
    assert "drifted" in said.out
    (step,) = shop.shell("sync", "shop", "-o", "json").json["plan"]["steps"]
    assert (step["action"], step["changes"][0]["after"]) == ("update", "11")
    assert shop.live("shop") == "11"


def test_a_sync_whose_objects_are_refused_fails_with_their_error(shop: Ship) -> None:
    """Exit code 1 and the object's name, and nothing written."""
    shop.publish("shop", 13, bad=configmap("Bad_Name", 1))
    before = shop.configmaps()
    try:
        said = shop.shell("sync", "shop")
    finally:
        shop.publish("shop", 13, bad=None)

    assert said.code == 1, said.out + said.err
    assert said.err.startswith("warning: no plan: 1 of 2 objects refused")
    assert "Refused" in said.out
    assert "Bad_Name" in said.out
    assert shop.configmaps() == before


def test_a_refusal_of_several_objects_is_told_once_a_line_each(shop: Ship) -> None:
    """Not by the plan as well, and not as what a later request is waiting for."""
    shop.publish("shop", 13, bad=configmap("Bad_Name", 1), worse=configmap("Worse_Name", 1))
    try:
        said = shop.shell("sync", "shop")
        planned = shop.shell("plan", "shop")
    finally:
        shop.publish("shop", 13, bad=None, worse=None)
    again = shop.shell("sync", "shop", "--no-plan")

    assert said.err == "warning: no plan: 2 of 3 objects refused\n"
    for name in ("Bad_Name", "Worse_Name"):
        (line,) = (line for line in said.out.splitlines() if f"ConfigMap team/{name}: " in line)
        assert line.startswith("  shop/")
    assert planned.err.splitlines()[0] == "error: 2 of 3 objects refused (correct them in Git):"
    assert len(planned.err.splitlines()) == 3
    assert again.code == 0
    assert "refused" not in again.out


def test_a_sync_in_detect_mode_is_refused(ship: Ship) -> None:
    """An Application that is only watched says so."""
    ship.application("watched", mode="detect")

    said = ship.shell("sync", "watched", "-o", "json")

    assert (said.code, said.json["phase"]) == (1, "Refused")
    assert "sync.mode is detect" in said.json["message"]
    assert said.json["plan"]["allowed"] is False


def test_a_plan_says_that_a_sync_would_be_held_back(ship: Ship) -> None:
    """Its exit code is that of the sync, in mode detect and while the Application is suspended."""
    ship.application("held", mode="detect")
    watched = ship.shell("plan", "held")
    assert ship.shell("suspend", "held").code == 0
    suspended = ship.shell("plan", "held")

    assert (watched.code, suspended.code) == (1, 1), watched.err + suspended.err
    assert "The controller would hold it back: a sync would" in watched.out
    assert "The controller would hold it back: Application team/held is suspended" in suspended.out


def test_a_suspended_application_is_not_synced_until_it_is_resumed(shop: Ship) -> None:
    """The request is refused with the remedy, which helps."""
    assert shop.shell("suspend", "shop").out.split()[-1] == "suspended"
    assert "suspended already" in shop.shell("suspend", "shop").out

    metadata = shop.plane.admin.get(f"{APPLICATIONS}/shop")["metadata"]
    who = parse(metadata["annotations"][SUSPENSION_ANNOTATION])
    assert who is not None
    assert who.by
    assert (who.suspend, who.generation) == (True, metadata["generation"])

    said = shop.shell("sync", "shop")

    assert (said.code, said.out) == (1, "")
    assert said.err == "error: Application team/shop is suspended (shipslog resume team/shop)\n"
    assert shop.shell("resume", "team/shop", "-o", "json").json["changed"] is True
    assert shop.shell("sync", "shop").code == 0


def test_a_sync_nobody_answers_times_out(shop: Ship) -> None:
    """Exit code 4 says that the outcome is not known, which is neither good nor bad."""
    said = shop.shell("sync", "shop", "--no-plan", "--timeout", "0.001")

    assert said.code == 4
    assert said.err.startswith("error: no outcome within 0.001 s")


def test_a_sync_without_waiting_ends_at_once(shop: Ship) -> None:
    """It says that the controller was asked."""
    said = shop.shell("sync", "shop", "--no-plan", "--no-wait")

    assert (said.code, said.out) == (0, "team/shop: the controller was asked\n")


def test_an_unknown_application_is_named(ship: Ship) -> None:
    """Exit code 2, and where it was looked for."""
    said = ship.shell("sync", "nowhere")

    assert said.code == 2
    assert said.err.startswith("error: there is no Application 'nowhere' in namespace team (")


def test_a_plan_of_what_is_refused_is_a_bad_outcome(shop: Ship) -> None:
    """Exit code 1, as of the sync: nothing is wrong with the command line, and a plan never says that it wrote."""
    shop.publish("shop", 13, bad=configmap("Bad_Name", 1))
    try:
        refused = shop.shell("plan", "shop")
        shop.publish("shop", 13, bad="a: [")
        unreadable = shop.shell("plan", "shop")
    finally:
        shop.publish("shop", 13, bad=None)

    assert (refused.code, unreadable.code) == (1, 1), refused.err + unreadable.err
    assert refused.err.startswith("error: 1 of 2 objects refused: shop/bad.yaml: ConfigMap team/Bad_Name: ")
    assert "shop/bad.yaml:1" in unreadable.err


def test_a_plan_into_a_namespace_that_is_not_there_is_a_bad_outcome(ship: Ship) -> None:
    """Exit code 1, with the remedy: the cluster did answer."""
    ship.application("astray", mode="manual")
    spec = {"spec": {"destination": {"namespace": "nowhere"}}}
    ship.plane.admin.merge(f"{APPLICATIONS}/astray", spec)

    said = ship.shell("plan", "astray")

    assert said.code == 1, said.err
    assert 'namespaces "nowhere" not found' in said.err


def test_a_plan_names_what_is_not_there(ship: Ship) -> None:
    """Exit code 2 for a Repository that the Application names in vain."""
    ship.application("adrift", mode="manual")
    ship.plane.admin.merge(f"{APPLICATIONS}/adrift", {"spec": {"source": {"repository": "nothing"}}})

    said = ship.shell("plan", "adrift")

    assert said.code == 2
    assert said.err.startswith("error: spec.source.repository: there is no Repository 'nothing' in namespace team")
