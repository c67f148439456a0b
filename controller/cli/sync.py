"""`shipslog sync`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from controller.cli import options, output, plan
from controller.cli.exits import Exit, Refused
from controller.cli.foretell import Foretold, foretell, mirrors
from controller.cli.home import Place, locate, opened, whoami
from controller.cli.listing import headline, lines
from controller.cli.nouns import application_id, key_of, read_application, understood
from controller.cli.progress import Progress, progress
from controller.cli.table import clean
from controller.cli.view import View
from controller.errors import ShipslogError
from controller.model.labels import ACTOR_ANNOTATION, API_VERSION, SYNC_ANNOTATION

if TYPE_CHECKING:
    from pathlib import Path

    from controller.model.base import Json
    from controller.model.objects import Key
    from controller.ports import Cluster

INTERVAL = 0.25
"""Seconds between two looks at the status."""


class Wanted(msgspec.Struct, frozen=True):
    """What the user wants of a sync."""

    key: Key
    form: output.Format
    planned: bool
    wait: bool
    timeout: float
    engine: str


@click.command("sync")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.option("--plan/--no-plan", "planned", default=True, show_default=True, help="Show what will change first.")
@options.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the outcome.")
@options.timeout
@options.output()
@options.kubeconfig
@options.engine
def command(name: str, namespace: str, kubeconfig: str, path: str, **given: Any) -> int:
    """Ask for a sync: show the plan, hand the request to the controller, wait for its outcome.

    The exit code is that of the outcome: 0 when the run succeeded, 1 when it failed or was refused (also because the
    Application is suspended, or in mode detect), 4 when --timeout was over first (the run goes on).
    """
    place = locate(kubeconfig)
    wanted = Wanted(
        key=key_of(name, namespace or place.namespace),
        form=given["form"],
        planned=given["planned"],
        wait=given["wait"],
        timeout=given["timeout"],
        engine=path,
    )
    with mirrors() as directory:
        return asyncio.run(_sync(place, wanted, directory))


async def _sync(place: Place, wanted: Wanted, directory: Path) -> int:
    async with opened(place) as home:
        body = await read_application(home, wanted.key)
        _refuse_suspended(body)
        foretold = await _planned(home, body, wanted, directory) if wanted.planned else None
        last = (body.get("status") or {}).get("lastRun") or {}
        asked = await request(home, wanted.key, await whoami(home, place.user))
        if not wanted.wait:
            end = Progress("Requested", "the controller was asked")
        else:
            end = await _watch(home, wanted, asked, last.get("id", ""))
    if wanted.form != "table":
        output.write(wanted.form, _answer(wanted.key, asked, end, foretold))
    elif not wanted.wait:
        print(f"{wanted.key}: {end.message}")
    return Exit.OK if not wanted.wait else Exit.TIMED_OUT if end.outcome is None else end.outcome


async def request(home: Cluster, key: Key, user: str) -> str:
    """Ask the controller for a sync; the value that its answer will repeat."""
    asked = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    annotations = {SYNC_ANNOTATION: asked, ACTOR_ANNOTATION: user}
    await home.merge(application_id(key), API_VERSION, {"metadata": {"annotations": annotations}})
    return asked


def _refuse_suspended(body: Json) -> None:
    if body["spec"].get("suspend"):
        metadata = body["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        raise Refused(f"Application {name} is suspended", remedy=f"shipslog resume {name}")


async def _planned(home: Cluster, body: Json, wanted: Wanted, directory: Path) -> Foretold | None:
    """Show the plan; where there can't be one, say why and go on: the controller's rights are others."""
    try:
        foretold = await foretell(home, body, directory, plan.settings_for(wanted.engine))
    except ShipslogError as error:
        # What its objects are refused for is told once: here, or by the outcome that is waited for.
        message = clean(str(error))
        told_later = wanted.wait and isinstance(error, Refused)
        said = headline(message) if told_later else "\n".join(lines(message))
        print(f"warning: no plan: {said}", file=sys.stderr)
        return None
    if wanted.form == "table":
        plan.show(foretold, "table")
    return foretold


async def _watch(home: Cluster, wanted: Wanted, asked: str, before: str) -> Progress:
    """Look at the status until there is an outcome or the time is over."""
    begun = time.monotonic()
    seen = Progress("Requested", "")
    with View(str(wanted.key)) if wanted.form == "table" else contextlib.nullcontext() as view:
        while time.monotonic() - begun < wanted.timeout:
            body = await read_application(home, wanted.key)
            seen = progress(understood(body), asked, before)
            if view:
                view.show(seen, time.monotonic() - begun)
            if seen.outcome is not None:
                return seen
            await asyncio.sleep(INTERVAL)
    print(
        f"error: no outcome within {wanted.timeout:g} s: {seen.phase}: {clean(seen.message)}"
        " (it goes on without you; see `shipslog app`)",
        file=sys.stderr,
    )
    return seen


def _answer(key: Key, asked: str, end: Progress, foretold: Foretold | None) -> dict[str, Any]:
    return {
        "namespace": key.namespace,
        "name": key.name,
        "requestedAt": asked,
        "phase": end.phase,
        "message": end.message,
        "run": msgspec.to_builtins(end.run) if end.run else None,
        "plan": plan.as_json(foretold) if foretold else None,
    }
