from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from controller import errors
from controller.cli import exits, main
from controller.cli.controller import at_home
from controller.cli.exits import Exit
from controller.cli.main import COMMANDS, cli, run
from controller.cli.reference import reference
from controller.kube.errors import AccessError, Forbidden, KindUnknown, Unreachable
from controller.render import RenderError
from controller.settings import Settings
from controller.tasks import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that can be run, by its path."""
    context = click.Context(cli, info_name="shipslog")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found
        else:
            yield name, command


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL)
def test_every_option_has_an_environment_twin_that_its_help_shows(path: str) -> None:
    """Whatever can be said on the command line can be said by a variable."""
    result = CliRunner().invoke(cli, [*path.split(), "--help"])

    assert result.exit_code == 0
    for option in ALL[path].params:
        if isinstance(option, click.Option) and option.name != "help":
            variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar
            assert variables, f"{path} {option.opts}"
            assert all(name.startswith("SHIPSLOG_") for name in variables)
            shown = " ".join(result.output.split())
            assert variables[0] in shown.replace("env var: ", "env var:").replace(" ", ""), option.opts
            assert option.help


@pytest.mark.parametrize("path", ALL)
def test_every_command_is_in_the_reference(path: str) -> None:
    """With its options and their variables."""
    page = reference()

    section = page.partition(f"## shipslog {path}\n")[2].partition("\n## ")[0]
    assert section
    for option in ALL[path].params:
        if isinstance(option, click.Option):
            assert option.opts[0] in section


def test_the_reference_is_the_same_whatever_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be compared with the page in the repository."""
    before = reference()
    monkeypatch.setenv("SHIPSLOG_CLI_OUTPUT", "json")
    monkeypatch.setenv("SHIPSLOG_KUBECONFIG", "/somewhere")
    monkeypatch.setenv("COLUMNS", "40")

    assert reference() == before


def test_the_help_names_commands_and_exit_codes() -> None:
    """One place documents both."""
    result = CliRunner().invoke(cli, ["--help"])

    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"  {name} " in result.output
    for code in Exit:
        assert f"  {code.value} " in result.output


def test_the_first_line_of_a_commands_help_is_its_line_in_the_list() -> None:
    """Neither says less than the other promises."""
    for name, line in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert " ".join((command.help or "").split()).startswith(line.rstrip(".")), name


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Terminal("no"), Exit.INPUT),
        (errors.Transient("no"), Exit.UNREACHABLE),
        (errors.NotReady("no", after=1), Exit.UNREACHABLE),
        (Unreachable("no"), Exit.UNREACHABLE),
        (KindUnknown("no"), Exit.UNREACHABLE),
        (Forbidden("no"), Exit.DENIED),
        (AccessError("no"), Exit.INPUT),
        (RenderError("no"), Exit.INPUT),
        (exits.Refused("no"), Exit.FAILED),
        (DeadlineExceeded("no"), Exit.TIMED_OUT),
        (ValueError("no"), Exit.INPUT),
        (KeyError("no"), Exit.DEFECT),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (exits.Stop(Exit.FAILED), Exit.FAILED),
        (ExceptionGroup("many", [ExceptionGroup("more", [Forbidden("no")])]), Exit.DENIED),
    ],
)
def test_an_error_ends_the_command_with_its_code_and_at_most_one_line(
    error: BaseException, code: Exit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, whatever happens."""

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fails)

    assert run([]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == (0 if isinstance(error, KeyboardInterrupt | exits.Stop) else 1)


def test_an_error_says_its_remedy_and_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`error: file:line: what (remedy)`."""
    error = RenderError("a.yaml: a key\nstands twice", remedy="remove one", file="a.yaml", line=7)

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fails)

    assert run([]) == 2
    assert capsys.readouterr().err == "error: a.yaml:7: a key stands twice (remove one)\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sail"], "error: No such command 'sail'. (see shipslog --help)\n"),
        (["get"], "error: Missing argument 'applications|repositories|clusters'. (see shipslog get --help)\n"),
        (["crds", "-o", "xml"], "error: Invalid value for '-o' / '--output' (env var: 'SHIPSLOG_CLI_OUTPUT'): 'xml'"),
        (["audit", "tail"], "error: no database is given: use --database-url, or set SHIPSLOG_CLI_DATABASE_URL"),
        (
            ["audit", "tail", "--database-url", "postgresql://x", "--application", "team/shop", "-n", "other"],
            "error: team/shop is not in namespace other: give one of them",
        ),
        (["audit", "tail", "--database-url", "nonsense"], "error: the database URL is none of PostgreSQL"),
        (["audit", "show", "1", "--database-url", "mysql://x"], "error: the database URL is none of PostgreSQL"),
        (["migrate", "--database-url", "nonsense"], "error: the database URL is none of PostgreSQL"),
        (["doctor", "git", "--database-url", "nonsense"], "error: SHIPSLOG_DATABASE_URL must be postgresql://"),
        (["migrate"], "error: no database is given: use --database-url, or set SHIPSLOG_DATABASE_URL"),
        (["migrate", "--database-url", "postgresql://me:ab/cd@db/x"], "error: the database URL is malformed"),
        (
            ["migrate", "--database-url", "postgresql://x", "--writer-url", "postgresql://me:ab/cd@db/x"],
            "error: --writer-url: the database URL is malformed: percent-encode",
        ),
        (["doctor", "git", "--database-url", "postgresql://me:ab/cd@db/x"], "error: the database URL is malformed"),
        (["get", "ships"], "error: there is no kind 'ships' (use one of applications, repositories, clusters)\n"),
        (["get", "apps", "shop", "-A"], "error: a name can't be looked up in all namespaces: give -n"),
        (["get", "apps"], "error: there is no kubeconfig, and this is no Pod"),
        (["health", "-f", "/nonexistent"], "error: /nonexistent: No such file or directory (name a file"),
        (["render", "/nonexistent"], "error: Invalid value for 'PATH'"),
        (
            ["audit", "tail", "--database-url", "postgresql://x", "--since", "now"],
            "error: Invalid value for --since",
        ),
        (
            ["controller"],
            "error: there is no kubeconfig, and this is no Pod (give --kubeconfig, or set KUBECONFIG to its path)\n",
        ),
        (["controller", "--kubeconfig", "/nowhere"], "error: there is no kubeconfig /nowhere (correct --kubeconfig or"),
        (["controller", "--workers", "many"], "error: Invalid value for '--workers'"),
    ],
)
def test_wrong_input_is_said_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, nothing on standard output."""
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in [*os.environ]:
        if name.startswith(("SHIPSLOG_", "KUBECONFIG")):
            monkeypatch.delenv(name)

    assert run(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(said)
    assert len(output.err.splitlines()) == 1
    assert "ab/cd" not in output.err
    assert "'ab'" not in output.err


def test_a_variable_stands_for_its_option(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And the option wins over it."""
    monkeypatch.setenv("SHIPSLOG_CLI_OUTPUT", "json")

    assert run(["crds"]) == 0
    assert capsys.readouterr().out.startswith("[")
    assert run(["crds", "-o", "yaml"]) == 0
    assert capsys.readouterr().out.startswith("apiVersion")


@pytest.mark.parametrize("arguments", [[], ["audit"]])
def test_a_group_without_a_command_shows_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It is a question, not a mistake: as with --help, on standard output, line by line, exit code 0."""
    assert run([*arguments, "--help"]) == 0
    wanted = capsys.readouterr()

    assert run(arguments) == 0
    assert capsys.readouterr() == wanted
    assert len(wanted.out.splitlines()) > 5


def test_an_error_stays_short_whatever_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A chain of causes that a program could print for minutes is cut in its middle: both ends tell something."""
    chain = "".join(f"template {number}: " for number in range(5000))
    error = errors.Terminal(f"helm: {chain}stack too deep", remedy="break the circle")

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fails)

    assert run([]) == 2
    said = capsys.readouterr().err
    assert len(said) < 2200
    assert said.startswith("error: helm: template 0: template 1: ")
    assert said.endswith("stack too deep (break the circle)\n")


def test_wide_is_a_table_to_commands_that_have_no_wider_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that suits one command breaks no other."""
    assert run(["crds", "-o", "table"]) == 0
    table = capsys.readouterr().out

    monkeypatch.setenv("SHIPSLOG_CLI_OUTPUT", "wide")

    assert run(["crds"]) == 0
    assert capsys.readouterr().out == table


def test_the_controller_finds_its_home_cluster_before_it_does_anything(tmp_path: Path) -> None:
    """Its own variable, the Pod's ServiceAccount, KUBECONFIG; never what a user's home happens to hold."""
    (tmp_path / ".kube").mkdir()
    for name in ("mine", "yours", ".kube/config"):
        (tmp_path / name).touch()
    account = tmp_path / "account"
    environment = {"HOME": str(tmp_path), "SHIPSLOG_SERVICEACCOUNT_DIR": str(account)}

    def found(**more: str) -> str:
        return at_home(Settings.from_environment({**environment, **more}), {**environment, **more}).kubeconfig

    with pytest.raises(AccessError, match="this is no Pod"):
        found()
    assert found(KUBECONFIG=f"{tmp_path}/none:{tmp_path}/yours") == f"{tmp_path}/yours"
    account.mkdir()
    (account / "token").touch()
    assert found(KUBECONFIG=f"{tmp_path}/yours") == ""
    assert found(SHIPSLOG_KUBECONFIG=f"{tmp_path}/mine", KUBECONFIG=f"{tmp_path}/yours") == f"{tmp_path}/mine"
