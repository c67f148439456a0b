"""`shipslog doctor`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import click

from controller.cli import options, output
from controller.cli.checks import CHECKS, examine
from controller.cli.exits import Exit
from controller.cli.table import Table
from controller.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("doctor")
@click.argument("checks", nargs=-1, metavar="[CHECK]...", type=click.Choice(list(CHECKS)))
@options.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=15.0,
    show_default=True,
    help="Longest time one check may take, in seconds.",
)
@options.output()
@options.kubeconfig
@options.database_url
@options.engine
def command(
    checks: Sequence[str], timeout: float, form: output.Format, kubeconfig: str, database_url: str, path: str
) -> int:
    """Check what an installation needs, and say how to mend what is missing.

    Checks: engine, git, cluster, crds, permissions, database, spool; without a name all of them. Run it where the
    controller runs, with its environment: `kubectl exec` into the Pod, or by hand beside the controller. The exit
    code is 1 when a check failed; warnings don't count.
    """
    given = {"SHIPSLOG_DATABASE_URL": database_url, "SHIPSLOG_ENGINE": path}
    settings = Settings.from_environment({**os.environ, **{name: value for name, value in given.items() if value}})
    options.checked(settings.database_url)
    findings = asyncio.run(examine(checks or CHECKS, settings, kubeconfig, timeout))
    output.emit(
        form,
        findings,
        lambda: Table(
            ("Check", "Status", "Message", "Remedy"),
            [(one.check, one.status, one.message, one.remedy) for one in findings],
            wraps=("Message", "Remedy"),
        ),
    )
    return Exit.FAILED if any(one.status == "fail" for one in findings) else Exit.OK
