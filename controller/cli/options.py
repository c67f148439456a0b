"""Options that several commands share; each has an environment twin, which `--help` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., Any]")
PREFIX = "SHIPSLOG_CLI_"
"""Of the variables that are the command line's alone; the controller reads others, and a Pod has those set."""


def option(*names: str, twin: str | tuple[str, ...] = "", **more: Any) -> Callable[[_Function], _Function]:
    """An option with its environment twin: `SHIPSLOG_CLI_` and its long name, unless `twin` names another."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    envvar = list(twin) if isinstance(twin, tuple) else twin or PREFIX + long[2:].upper().replace("-", "_")
    return click.option(*names, envvar=envvar, show_envvar=True, **more)


class _Form(click.Choice[str]):
    """How to print; `wide`, which one command has, is a table to all others: one variable serves them all."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The form that is meant."""
        return super().convert("table" if value == "wide" else value, param, ctx)


def output(default: str = "table", *, also: str = "") -> Callable[[_Function], _Function]:
    """`--output`."""
    return option(
        "-o",
        "--output",
        "form",
        type=_Form(["table", "json", "yaml"]),
        default=default,
        show_default=True,
        help=f"How to print the answer.{also}",
    )


kubeconfig = option(
    "--kubeconfig",
    twin="SHIPSLOG_KUBECONFIG",
    default="",
    help="Kubeconfig of the home cluster. Default: KUBECONFIG, then ~/.kube/config, then the Pod's ServiceAccount.",
)
namespace = option("-n", "--namespace", default="", help="Namespace. Default: that of the kubeconfig's context.")
everywhere = option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, default=False, help="Look into every namespace."
)
timeout = option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    help="Longest time to wait for the outcome, in seconds.",
)
database_url = option(
    "--database-url",
    twin="SHIPSLOG_DATABASE_URL",
    default="",
    help="PostgreSQL of the ledger: postgresql://user@host/db. Passwords belong into the variable or ~/.pgpass.",
)
ledger_url = option(
    "--database-url",
    twin=("SHIPSLOG_CLI_DATABASE_URL", "SHIPSLOG_DATABASE_URL"),
    default="",
    help="PostgreSQL of the ledger, for a login that may read (audit_reader): the controller's own may only insert.",
)


def given(name: str) -> bool:
    """Whether the command line itself gives a value to the parameter of that name: no variable, no default."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def required(database_url: str, twin: str = "SHIPSLOG_DATABASE_URL") -> str:
    """The database's URL; raises UsageError where none was given, naming the variable for it."""
    if not database_url:
        raise click.UsageError(f"no database is given: use --database-url, or set {twin}")
    return checked(database_url)


def checked(database_url: str) -> str:
    """The same URL; raises UsageError, which quotes nothing of it, where it is none, or a password is not encoded."""
    try:
        parts = urlsplit(database_url)
        _ = parts.port
    except ValueError:
        raise click.UsageError("the database URL is malformed: percent-encode / @ : ? # in its password") from None
    if database_url and parts.scheme not in {"postgresql", "postgres"}:
        raise click.UsageError("the database URL is none of PostgreSQL: it begins with postgresql://")
    return database_url


engine = option(
    "--engine",
    "path",
    twin="SHIPSLOG_ENGINE",
    default="",
    help="The render engine's program. Default: the package's own.",
)
