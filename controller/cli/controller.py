"""`shipslog controller`."""

from __future__ import annotations

import dataclasses
import os
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvloop

from controller import app, faults, logs
from controller.cli.home import first_of_variable
from controller.cli.options import option
from controller.kube.errors import AccessError
from controller.settings import Settings, variable

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    Settings come from the environment, as the chart sets them; an option wins over its variable. Without a kubeconfig
    the home cluster is that of the Pod, and outside of a Pod that of KUBECONFIG.
    """
    environment = dict(os.environ)
    for field in dataclasses.fields(Settings):
        if given[field.name] is not None:
            text = given[field.name]
            environment[variable(field)] = str(text).lower() if isinstance(text, bool) else str(text)
    settings = at_home(Settings.from_environment(environment), environment)
    logs.configure(settings.log_level, settings.log_format)
    faults.arm(environment.get(faults.VARIABLE, ""))
    return uvloop.run(app.run(settings))


def at_home(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """The settings, with KUBECONFIG where there is no other way to the home cluster.

    Raises AccessError where there is none at all, before anything is opened.
    """
    kubeconfig = settings.kubeconfig
    if not kubeconfig and not (settings.serviceaccount_dir / "token").exists():
        kubeconfig = first_of_variable(environment.get("KUBECONFIG", ""))
        if not kubeconfig:
            raise AccessError(
                "there is no kubeconfig, and this is no Pod", remedy="give --kubeconfig, or set KUBECONFIG to its path"
            )
    if kubeconfig and not Path(kubeconfig).is_file():
        raise AccessError(f"there is no kubeconfig {kubeconfig}", remedy="correct --kubeconfig or its variable")
    return dataclasses.replace(settings, kubeconfig=kubeconfig)
