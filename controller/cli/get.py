"""`shipslog get`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from controller.cli import options, output
from controller.cli.home import Place, locate, opened
from controller.cli.nouns import kind_of, read_all
from controller.cli.printer import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json
    from controller.model.crds import Kind


@click.command("get")
@click.argument("kind", metavar="applications|repositories|clusters")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.namespace
@options.everywhere
@options.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["table", "wide", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print the answer; wide is the table with more columns.",
)
@options.kubeconfig
def command(kind: str, names: Sequence[str], namespace: str, everywhere: bool, form: str, kubeconfig: str) -> None:
    """List Applications, Repositories or Clusters."""
    known = kind_of(kind)
    if everywhere and names:
        raise click.UsageError("a name can't be looked up in all namespaces: give -n")
    place = locate(kubeconfig)
    found = asyncio.run(_read(place, known, "" if everywhere else namespace or place.namespace, names))
    output.emit(
        "table" if form == "wide" else form,  # type: ignore[arg-type] # click checked it
        [output.bare(body) for body in found],
        lambda: rows(known, found, wide=form == "wide", namespaces=everywhere),
    )


async def _read(place: Place, kind: Kind, namespace: str, names: Sequence[str]) -> list[Json]:
    async with opened(place) as cluster:
        return await read_all(cluster, kind, namespace, names)
