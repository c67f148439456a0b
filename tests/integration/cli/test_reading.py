from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import service_account_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.cli.ship import Ship


@pytest.fixture(scope="module")
def synced(ship: Ship) -> Ship:
    """An Application that was synced."""
    ship.application("fleet", 5)
    ship.until("fleet", "Ready")
    assert ship.shell("sync", "fleet", "--no-plan").code == 0
    return ship


def test_applications_are_listed_as_kubectl_lists_them(synced: Ship) -> None:
    """One row each, with the printer columns; JSON is an array of objects without field managers."""
    said = synced.shell("get", "apps", "fleet")

    head, line = said.out.splitlines()
    assert head.split() == ["NAME", "SYNCED", "HEALTHY", "OBJECTS", "COMMIT", "AGE"]
    assert line.split()[:3] == ["fleet", "True", "True"]
    assert "Depth 5" in line
    (body,) = synced.shell("get", "applications", "fleet", "-o", "json").json
    assert body["kind"] == "Application"
    assert "managedFields" not in body["metadata"]


def test_all_namespaces_and_wide_show_more(synced: Ship) -> None:
    """-A adds the namespace, wide adds columns."""
    assert synced.shell("get", "apps", "-A").out.split()[:2] == ["NAMESPACE", "NAME"]
    assert "REPOSITORY" in synced.shell("get", "apps", "-o", "wide").out
    assert synced.shell("get", "repositories").out.splitlines()[1].startswith("shop ")
    nothing = synced.shell("get", "clusters")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No clusters found.\n")


def test_an_application_is_shown_in_full(synced: Ship) -> None:
    """Conditions, revision, the last run, objects with health, history."""
    said = synced.shell("app", "fleet")

    assert said.code == 0, said.err
    for words in ("Conditions", "Objects", "History", "Succeeded, asked for by admin", "Healthy", "ConfigMap"):
        assert words in said.out
    objects = synced.shell("app", "team/fleet", "-o", "json").json["objects"]
    assert [(one["kind"], one["name"], one["health"], one["message"]) for one in objects] == [
        ("ConfigMap", "fleet", "Healthy", "It exists.")
    ]


def test_an_application_without_objects_says_so(ship: Ship) -> None:
    """Nobody takes a path in which no manifest stands for one that was applied: the conditions and an Event tell."""
    ship.worktree.publish({"empty/README": "No manifest"}, "Nothing")
    ship.read("empty")
    ship.until("empty", "Ready")

    conditions = {one["type"]: one for one in ship.shell("app", "empty", "-o", "json").json["status"]["conditions"]}
    said = ship.shell("app", "empty")
    events = ship.plane.admin.get("/api/v1/namespaces/team/events")["items"]

    assert (conditions["Synced"]["status"], conditions["Synced"]["reason"]) == ("True", "Empty")
    assert "path empty has no manifests: correct spec.source.path, or commit one" in conditions["Synced"]["message"]
    assert conditions["Ready"]["message"] == "there are no objects"
    assert "path empty has no manifests" in said.out
    assert [one["type"] for one in events if one["reason"] == "Empty"] == ["Warning"]


def test_one_object_is_one_object(synced: Ship) -> None:
    """And what is said of a run can be read aloud."""
    said = synced.shell("app", "fleet").out

    assert "1 object" in said
    assert "1 objects" not in said
    assert "Succeeded, asked for by admin, run " in said


def test_the_ledger_is_read_by_filters(synced: Ship) -> None:
    """What was synced is there by Application and type, and one event can be shown in full."""
    dsn = {"SHIPSLOG_DATABASE_URL": synced.owner_dsn}
    _eventually_recorded(synced, "sync.completed")

    said = synced.shell("audit", "tail", "--application", "fleet", "--type", "sync.completed", "-o", "json", **dsn)

    assert said.code == 0, said.err
    event = said.json[-1]
    assert event["target"]["application"] == "fleet"
    (fleet,) = synced.shell("get", "apps", "fleet", "-o", "json").json
    assert event["correlation_id"] == fleet["status"]["lastRun"]["id"]
    assert synced.shell("audit", "show", event["id"], "-o", "json", **dsn).json == event
    assert event["id"] in synced.shell("audit", "show", event["id"], **dsn).out
    table = synced.shell("audit", "tail", "--since", "1h", "--limit", "3", **dsn).out.splitlines()
    assert table[0].split()[:3] == ["TIME", "TYPE", "OUTCOME"]
    assert len(table) == 4
    assert synced.shell("audit", "show", "nonsense", **dsn).code == 2
    assert synced.shell("audit", "tail", "--until", "2020-01-01T00:00:00Z", **dsn).err == "No events found.\n"


def test_following_the_ledger_shows_what_arrives_until_it_is_interrupted(synced: Ship, tmp_path: Path) -> None:
    """One line per event; an interrupt ends it with 130 and no traceback."""
    log = tmp_path / "follow.log"
    following = synced.shell.start(
        "audit", "tail", "--follow", "-o", "json", "--limit", "1", log=log, SHIPSLOG_DATABASE_URL=synced.owner_dsn
    )
    try:
        _wait_for_lines(log, 1)
        assert synced.shell("sync", "fleet", "--no-plan").code == 0
        _wait_for_lines(log, 3)
    finally:
        following.send_signal(signal.SIGINT)

    assert following.wait(30) == 130
    assert "Traceback" not in log.read_text()


def test_following_in_other_forms(synced: Ship, tmp_path: Path) -> None:
    """A table has its titles, YAML is YAML."""
    dsn = {"SHIPSLOG_CLI_DATABASE_URL": synced.owner_dsn}
    for form, lines in (("table", 2), ("yaml", 3)):
        log = tmp_path / form
        following = synced.shell.start("audit", "tail", "--follow", "-o", form, "--limit", "1", log=log, **dsn)
        try:
            _wait_for_lines(log, lines)
        finally:
            following.send_signal(signal.SIGINT)
        assert following.wait(30) == 130

    assert (tmp_path / "table").read_text().split()[:2] == ["TIME", "TYPE"]
    assert (tmp_path / "yaml").read_text().startswith("---\nactor:\n")


def test_who_may_not_read_is_told_what_is_missing(synced: Ship) -> None:
    """Exit code 5, verb and resource."""
    synced.plane.admin.apply(
        "/api/v1/namespaces/team/serviceaccounts/nobody",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "team"}},
    )
    nobody = str(service_account_kubeconfig(synced.plane, "team", "nobody"))

    said = synced.shell("get", "apps", KUBECONFIG=nobody)

    assert said.code == 5
    assert "applications" in said.err
    doctor = synced.shell("doctor", "permissions", "-o", "json", KUBECONFIG=nobody)
    assert doctor.code == 1
    assert "system:serviceaccount:team:nobody may not get applications.shipslog.dev" in doctor.json[0]["message"]


def test_a_cluster_that_is_away_is_unreachable(synced: Ship, tmp_path: Path) -> None:
    """Exit code 3 and one line."""
    text = synced.plane.kubeconfig.read_text().replace(synced.plane.url, "https://127.0.0.1:9")
    (tmp_path / "away").write_text(text)

    said = synced.shell("get", "apps", KUBECONFIG=str(tmp_path / "away"))

    assert said.code == 3
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1


def _wait_for_lines(log: Path, number: int) -> None:
    deadline = time.monotonic() + 30
    while len(log.read_text().splitlines()) < number:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _eventually_recorded(ship: Ship, type_: str) -> None:
    deadline = time.monotonic() + 30
    while not ship.shell(
        "audit", "tail", "--application", "fleet", "--type", type_, SHIPSLOG_DATABASE_URL=ship.owner_dsn
    ).out:
        assert time.monotonic() < deadline
