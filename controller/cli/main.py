"""`shipslog`: finds the command, runs it, and turns every error into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import click

from controller.cli import exits
from controller.cli.exits import Exit
from controller.cli.listing import listed
from controller.errors import ShipslogError
from controller.render.errors import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "get": "List Applications, Repositories or Clusters.",
    "app": "Show one Application in full.",
    "plan": "Show what a sync would change, field by field, and change nothing.",
    "sync": "Ask for a sync: show the plan, hand the request to the controller, wait for its outcome.",
    "suspend": "Leave an Application alone: no sync, no healing, no pruning, until it is resumed.",
    "resume": "Take a suspended Application up again.",
    "drift": "Show the open drifts of an Application; decline a heal for one episode.",
    "audit": "Read the ledger: what was synced, what drifted, who did it, and when.",
    "render": "Print the objects that a local directory renders to.",
    "health": "Judge the health of objects.",
    "doctor": "Check what an installation needs, and say how to mend what is missing.",
    "crds": "Print the CustomResourceDefinitions.",
    "migrate": "Bring the ledger's schema up to date.",
    "controller": "Run the controller.",
}
"""Every command with its one line; its module is imported when it is used."""


TRACEBACK = "SHIPSLOG_CLI_TRACEBACK"
LONGEST = 2000
"""Characters of an error's message."""


class Lazy(click.Group):
    """A group whose commands live in the modules of their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"controller.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes."""
        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in Exit])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="shipslog", message="shipslog %(version)s")
def cli() -> None:
    """Keep clusters equal to Git, and keep the log of it.

    Every option can be given by the environment variable that stands beside it. Tables are for people; scripts
    take `--output json`.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    try:
        answer = cli.main(args=arguments, prog_name="shipslog", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())  # which is the help
        return Exit.OK
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough; the interpreter must not try to flush once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 - the last line of defence: a defect is told, not thrown at the user
        return _end(exits.first_of(error))
    return int(answer or 0)


def _end(error: BaseException) -> int:
    """What an error says, and its code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, exits.Stop):
        return error.code
    if isinstance(error, click.ClickException):
        return _say(error.format_message(), _usage(error), Exit.INPUT)
    code = exits.code_of(error)
    if isinstance(error, ShipslogError):
        return _say(_located(error), error.remedy, code)
    if code is not Exit.DEFECT:
        return _say(str(error), "", code)
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    return _say(f"{type(error).__name__}: {error}", f"a defect of shipslog: {TRACEBACK}=1 shows where", code)


def _located(error: ShipslogError) -> str:
    """The message, with the line behind the file where it begins with the file."""
    file, line = getattr(error, "file", ""), getattr(error, "line", 0)
    if not line or not file:
        return error.message
    rest = error.message.removeprefix(f"{file}: ")
    return f"{file}:{line}: {rest}"


def _say(message: str, remedy: str, code: Exit) -> int:
    line = cut(" ".join(message.split()), LONGEST)
    head, entries = listed(line)
    head += f" ({remedy})" if remedy else ""
    print(
        "\n".join([f"error: {head}:", *(f"  {entry}" for entry in entries)] if entries else [f"error: {head}"]),
        file=sys.stderr,
    )
    return code


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"see {context.command_path} --help" if context else ""
