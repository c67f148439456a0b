"""`shipslog resume`."""

from __future__ import annotations

import click

from controller.cli import options, output
from controller.cli.suspend import switch


@click.command("resume")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.output()
@options.kubeconfig
def command(name: str, namespace: str, form: output.Format, kubeconfig: str) -> None:
    """Take a suspended Application up again; what was missed is caught up with at once."""
    switch(name, namespace, form, kubeconfig, suspend=False)
