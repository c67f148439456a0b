"""`shipslog crds`."""

from __future__ import annotations

import sys

import click

from controller.cli import options, output, yaml
from controller.cli.table import Table
from controller.model.crds import crds


@click.command("crds")
@options.output("yaml", also=" YAML is a stream that kubectl applies.")
def command(form: output.Format) -> None:
    """Print the CustomResourceDefinitions.

    Install them with `shipslog crds | kubectl apply --server-side -f -`; the chart brings them along.
    """
    if form == "yaml":
        sys.stdout.write(yaml.dump_all(crds()))
        return
    output.emit(
        form,
        crds(),
        lambda: Table(
            ("Name", "Scope", "Versions"),
            [
                (
                    item["metadata"]["name"],
                    item["spec"]["scope"],
                    ", ".join(version["name"] for version in item["spec"]["versions"]),
                )
                for item in crds()
            ],
        ),
    )
