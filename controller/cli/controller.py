"""`shipslog controller`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import typing
from typing import Any

import click

from controller import app, faults, logs
from controller.cli.options import option
from controller.settings import Settings, variable


def _options(function: Any) -> Any:
    """An option for every setting, from its own documentation."""
    types = typing.get_type_hints(Settings)
    for field in reversed(dataclasses.fields(Settings)):
        type_ = types[field.name]
        function = option(
            f"--{field.name.replace('_', '-')}",
            twin=variable(field),
            type=bool if type_ is bool else type_ if type_ in {int, float} else str,
            default=None,
            metavar="BOOLEAN" if type_ is bool else None,
            help=f"{field.metadata['doc']} Default: {_shown(field.default)}.",
        )(function)
    return function


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if default not in {"", None} else "empty"


@click.command("controller")
@_options
def command(**given: Any) -> int:
    """Run the controller until it is told to stop (SIGTERM or SIGINT).

    Settings come from the environment, as the chart sets them; an option wins over its variable.
    """
    environment = dict(os.environ)
    for field in dataclasses.fields(Settings):
        if given[field.name] is not None:
            text = given[field.name]
            environment[variable(field)] = str(text).lower() if isinstance(text, bool) else str(text)
    settings = Settings.from_environment(environment)
    logs.configure(settings.log_level, settings.log_format)
    faults.arm(environment.get(faults.VARIABLE, ""))
    return asyncio.run(app.run(settings))
