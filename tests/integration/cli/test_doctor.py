from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from controller.cli.checks import CHECKS
from controller.model.crds import crds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground.postgres import PostgresServer
    from tests.integration.cli.shell import Said
    from tests.integration.cli.ship import Ship

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def findings(said: Said, check: str) -> list[tuple[str, str]]:
    """Status and message of one check."""
    return [(one["status"], one["message"]) for one in said.json if one["check"] == check]


def test_a_good_installation_has_nothing_wrong(ship: Ship) -> None:
    """Every check is ok, and the exit code 0; a login that may do too much is a warning."""
    spool = str(ship.directory)
    owner = ship.shell("doctor", "-o", "json", SHIPSLOG_DATABASE_URL=ship.owner_dsn, SHIPSLOG_SPOOL_DIR=spool)
    assert owner.code == 0, owner.out
    statuses = {one["check"]: one["status"] for one in owner.json}
    assert statuses == dict.fromkeys(CHECKS, "ok") | {"database": "warn"}
    [finding] = [one for one in owner.json if one["status"] == "warn"]
    assert finding["remedy"].startswith("give the controller a login of its own: shipslog migrate --writer-url URL")


def test_a_login_that_may_not_insert_fails(ship: Ship, postgres: PostgresServer) -> None:
    """The remedy is the command that mends it, and mends it."""
    postgres.allow_login("ship")
    writer = postgres.dsn("cli", "ship")
    postgres.execute("GRANT USAGE ON SCHEMA audit TO ship; GRANT SELECT ON audit.schema_version TO ship", "cli")

    said = ship.shell("doctor", "database", "-o", "json", SHIPSLOG_DATABASE_URL=writer)
    assert said.code == 1
    assert said.json[-1]["remedy"] == "as the ledger's owner: shipslog migrate --writer-url URL_OF_THE_LOGIN"
    assert ship.shell("migrate", "--writer-url", writer, SHIPSLOG_DATABASE_URL=ship.owner_dsn).code == 0
    said = ship.shell("doctor", "database", "-o", "json", SHIPSLOG_DATABASE_URL=writer)

    assert said.code == 0, said.out
    assert findings(said, "database")[-1] == ("ok", "login ship may insert events, and not change them")


def test_definitions_of_another_version_are_noticed(ship: Ship) -> None:
    """A column that is missing in the cluster is a difference."""
    wanted = crds()[2]
    older: dict[str, Any] = json.loads(json.dumps(wanted))
    older["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    path = f"{CRDS}/{wanted['metadata']['name']}"
    ship.plane.admin.apply(path, older)
    try:
        said = ship.shell("doctor", "crds", "-o", "json")
    finally:
        ship.plane.admin.apply(path, wanted)

    assert [one["status"] for one in said.json] == ["ok", "ok", "warn"]
    assert said.json[2]["remedy"] == "shipslog crds | kubectl apply --server-side -f -"


def test_a_database_that_was_not_migrated_fails(ship: Ship, postgres: PostgresServer) -> None:
    """The remedy is the command that mends it, and mends it."""
    dsn = postgres.create_database("unmigrated")

    said = ship.shell("doctor", "database", "-o", "json", "--database-url", dsn)

    assert said.code == 1
    assert said.json[0]["remedy"] == "shipslog migrate"
    assert ship.shell("migrate", "--check", "--database-url", dsn).code == 1
    assert ship.shell("migrate", "--database-url", dsn).code == 0
    assert ship.shell("migrate", "--check", "--database-url", dsn, "-o", "json").json["before"] != ""
    assert ship.shell("doctor", "database", "--database-url", dsn).code == 0


def test_what_is_away_is_a_finding_not_an_end(ship: Ship, tmp_path: Path) -> None:
    """Each check speaks for itself: a dead database and a missing kubeconfig do not hide the others."""
    said = ship.shell(
        "doctor",
        "-o",
        "json",
        "--engine",
        "/nonexistent",
        "--database-url",
        "postgresql://nobody@127.0.0.1:9/none",
        KUBECONFIG=str(tmp_path / "none"),
        SHIPSLOG_SPOOL_DIR="/proc/spool",
    )

    assert said.code == 1
    assert {one["check"] for one in said.json if one["status"] == "fail"} == {
        "engine",
        "cluster",
        "crds",
        "permissions",
        "database",
        "spool",
    }
    assert all(one["remedy"] for one in said.json if one["status"] == "fail"), said.out
