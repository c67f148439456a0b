"""`shipslog plan`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.text import Text

from controller.cli import options, output
from controller.cli.exits import Exit
from controller.cli.foretell import Foretold, foretell, mirrors
from controller.cli.home import Place, locate, opened
from controller.cli.nouns import key_of, read_application
from controller.cli.table import clean, console, for_people, style
from controller.model.plan import Action
from controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.model.objects import Key
    from controller.model.plan import FieldChange, Step

SHOWN = 20
"""Field differences of one object that a table shows; JSON has them all."""
_INDENT = " " * 8
LONGEST = 120
"""Characters of a value that a table shows."""


@click.command("plan")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.option("--exit-code", is_flag=True, default=False, help="Exit with 1 also when a sync would change something.")
@options.output()
@options.kubeconfig
@options.engine
def command(name: str, namespace: str, exit_code: bool, form: output.Format, kubeconfig: str, path: str) -> int:
    """Show what a sync would change, field by field, and change nothing.

    It is computed here, with your own rights: reading the Application, its Repository and their Secrets, and a dry
    run of every object in the destination. The exit code is 1 when a sync would be refused, also because the
    Application is suspended, or in mode detect.
    """
    place = locate(kubeconfig)
    with mirrors() as directory:
        foretold = asyncio.run(_foretell(place, key_of(name, namespace or place.namespace), path, directory))
    show(foretold, form)
    return Exit.FAILED if not foretold.verdict.allowed or (exit_code and foretold.plan.writes) else Exit.OK


async def _foretell(place: Place, key: Key, path: str, directory: Path) -> Foretold:
    settings = settings_for(path)
    async with opened(place) as home:
        return await foretell(home, await read_application(home, key), directory, settings)


def settings_for(engine: str) -> Settings:
    """The controller's settings as the environment has them, with this engine."""
    environment = {**os.environ, **({"SHIPSLOG_ENGINE": engine} if engine else {})}
    return Settings.from_environment(environment)


def show(foretold: Foretold, form: output.Format) -> None:
    """Print the plan."""
    for warning in foretold.warnings:
        print(f"warning: {clean(warning)}", file=sys.stderr)
    if form != "table":
        output.write(form, as_json(foretold))
        return
    for line in lines(foretold):
        if for_people():
            console().print(line)
        else:
            print(line.plain)


def as_json(foretold: Foretold) -> dict[str, Any]:
    """The plan as `--output json` has it."""
    return {
        "revision": msgspec.to_builtins(foretold.revision),
        "counts": foretold.plan.counts(),
        "allowed": foretold.verdict.allowed,
        "message": foretold.verdict.message,
        "steps": [
            {
                "action": step.action.value,
                "apiVersion": step.api_version,
                "kind": step.id.kind,
                "namespace": step.id.namespace,
                "name": step.id.name,
                "reason": step.reason,
                "drifted": step.drifted,
                "changes": [msgspec.to_builtins(change) for change in step.changes],
            }
            for step in foretold.plan.steps
        ],
    }


def lines(foretold: Foretold) -> Iterator[Text]:
    """The plan for people: every object that would change, with its fields, then the counts."""
    for step in foretold.plan.steps:
        if step.action is not Action.UNCHANGED:
            yield from _step(step)
    revision = foretold.revision
    yield Text(clean(f"Revision {revision.sha[:12]} {revision.message}"))
    counts = foretold.plan.counts()
    said = ", ".join(f"{count} to {name}" for name, count in counts.items() if count and name != "unchanged")
    unchanged = f"{counts['unchanged']} unchanged."
    yield Text(f"{said}, {unchanged}" if said else f"Nothing to do: {unchanged}")
    if not foretold.verdict.allowed:
        yield Text(clean(f"The controller would hold it back: {foretold.verdict.message}"), style="yellow")


def _step(step: Step) -> Iterator[Text]:
    head = Text(f"{step.action.value:<7} ", style=style(step.action.value))
    head.append(clean(str(step.id)), style="bold")
    said = ", ".join(part for part in (step.reason, "drifted" if step.drifted else "") if part)
    head.append(f" ({clean(said)})" if said else "")
    yield head
    for change in step.changes[:SHOWN]:
        yield Text(_INDENT + clean(f"{change.path}: {_values(change)}"))
    if len(step.changes) > SHOWN:
        yield Text(f"{_INDENT}and {len(step.changes) - SHOWN} more fields")


def _values(change: FieldChange) -> str:
    before = "(absent)" if change.absent == "before" else _value(change.before)
    after = "(absent)" if change.absent == "after" else _value(change.after)
    return f"{before} -> {after}"


def _value(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
