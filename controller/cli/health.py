"""`shipslog health`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from controller.cli import documents, options, output
from controller.cli.engine import engine
from controller.cli.exits import Exit, NotFound
from controller.cli.table import Table
from controller.model.health import HealthStatus
from controller.observe.health import assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json

GOOD = frozenset({HealthStatus.HEALTHY, HealthStatus.SUSPENDED})


class Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """The verdict on one object, as `--output json` has it."""

    api_version: str
    kind: str
    namespace: str
    name: str
    health: str
    message: str


@click.command("health")
@options.option(
    "-f",
    "--filename",
    "filenames",
    twin="SHIPSLOG_CLI_FILENAME",
    multiple=True,
    required=True,
    metavar="FILE|-",
    help="YAML or JSON with live objects, as `kubectl get -o yaml` prints them; - is standard input. Repeatable.",
)
@options.option("--exit-code", is_flag=True, default=False, help="Exit with 1 unless all are Healthy or Suspended.")
@options.output()
@options.engine
def command(filenames: Sequence[str], exit_code: bool, form: output.Format, path: str) -> int:
    """Judge the health of objects: Healthy, Suspended, Progressing, Missing, Unknown or Degraded.

    No cluster is asked: the verdict is on what the file says.
    """
    contents = [_content(name) for name in filenames]
    verdicts = [verdict(body) for body in asyncio.run(_read(contents, path))]
    output.emit(
        form,
        verdicts,
        lambda: Table(
            ("Kind", "Namespace", "Name", "Health", "Message"),
            [(one.kind, one.namespace, one.name, one.health, one.message) for one in verdicts],
            empty="No objects found.",
        ),
    )
    return Exit.FAILED if exit_code and any(one.health not in GOOD for one in verdicts) else Exit.OK


def verdict(body: Json) -> Verdict:
    """The verdict on one object, whatever the shape of its metadata."""
    health = assess(body)
    metadata = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
    return Verdict(
        api_version=_text(body.get("apiVersion")),
        kind=_text(body.get("kind")),
        namespace=_text((metadata or {}).get("namespace")),
        name=_text((metadata or {}).get("name")),
        health=health.status.value,
        message=health.message,
    )


def _content(name: str) -> tuple[str, bytes]:
    if name == "-":
        return "standard input", sys.stdin.buffer.read()
    try:
        return name, Path(name).read_bytes()
    except OSError as error:
        raise NotFound(f"{name}: {error.strerror}", remedy="name a file, or - for standard input") from None


async def _read(contents: Sequence[tuple[str, bytes]], path: str) -> list[Json]:
    async with engine(path) as renderer:
        return [body for name, data in contents for body in await documents.read(name, data, renderer)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
