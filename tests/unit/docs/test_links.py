"""What people wrote in README.md and docs/ is true: links, commands, targets, variables, resources."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec
import pytest
import yaml

from controller.cli.main import TRACEBACK, cli
from controller.model.application import ApplicationSpec
from controller.model.cluster import ClusterSpec
from controller.model.labels import API_VERSION
from controller.model.repository import RepositorySpec
from controller.settings import Settings, variable
from docs.generator.artifacts import ROOT
from tests.controlplane.kubeconfig import USER_KUBECONFIG
from tests.ground.initdb import USER_DSN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
"""Pages by hand; those of the reference are generated, and show usage lines."""
SPECS: dict[str, type[msgspec.Struct]] = {
    "Application": ApplicationSpec,
    "Repository": RepositorySpec,
    "Cluster": ClusterSpec,
}
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_HEREDOC = re.compile(r"<<'?(\w+)'?[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELL = ("sh", "bash", "console", "")


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page."""
    return [Block(language, text) for language, text in _FENCE.findall(page)]


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page)


# -- links -----------------------------------------------------------------------------------------------------------


def broken_links(path: Path, page: str) -> list[str]:
    """Relative links and images that lead nowhere, and anchors that no heading of the other page has."""
    found = [one or other for one, other in _LINK.findall(_SPAN.sub("", prose(page)))]
    return [link for link in found if "://" not in link and not link.startswith("mailto:") and not _leads(path, link)]


def _leads(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    if not target.exists():
        return False
    return not anchor or anchor in set(_anchors(target.read_text(encoding="utf-8")))


def _anchors(page: str) -> Iterator[str]:
    """The anchors of all headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# -- commands --------------------------------------------------------------------------------------------------------


def commands(page: str) -> Iterator[list[str]]:
    """Every simple command in shell blocks, and every span that begins with ours or with make; split into words."""
    for span in _SPAN.findall(prose(page)):
        if span.split()[0] in {"shipslog", "make"}:
            yield from _simple(span)
    for block in blocks(page):
        if block.language in _SHELL:
            text = _HEREDOC.sub("<<END\n", block.text).replace("\\\n", " ")
            for line in text.splitlines():
                yield from _simple(line.removeprefix("$ "))


def _simple(line: str) -> Iterator[list[str]]:
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from _simple(inner)
    try:
        lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "VALUE", line), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # part of a quotation of several lines: not of ours
        return
    command: list[str] = []
    for word in words:
        if set(word) <= set("();<>|&"):
            yield from _run(command)
            command = []
        else:
            command.append(word)
    yield from _run(command)


def _run(words: list[str]) -> Iterator[list[str]]:
    """The command without what comes before it: variables, `env`, a container to run it in."""
    if "--" in words and words[0] == "kubectl":
        words = words[words.index("--") + 1 :]
    while words and (_ASSIGNMENT.match(words[0]) or words[0] in {"env", "-u", "time", "nice"}):
        words = words[2 if words[0] == "-u" else 1 :]  # env -u NAME
    if words:
        yield [words[0].rpartition("/")[2], *words[1:]]


def unknown_targets(page: str) -> list[str]:
    """Targets of make that a page names and the Makefile does not have."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = [word for words in commands(page) if words[0] == "make" for word in words[1:] if "=" not in word]
    return [name for name in named if name not in targets]


def wrong_commands(page: str) -> list[str]:
    """Commands of ours that would not parse, each with the reason."""
    faults = []
    for words in commands(page):
        if words[0] == "shipslog":
            try:
                _parse(words[1:])
            except click.ClickException as error:
                faults.append(f"{' '.join(words)}: {error.format_message()}")
    return faults


def _parse(arguments: list[str]) -> None:
    """Follow the words through the tree of commands; nothing is run, and no file of theirs need exist."""
    command: click.Command = cli
    context = click.Context(cli, info_name="shipslog")
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        inner = command.get_command(context, arguments[0])
        if inner is None:
            raise click.UsageError(f"there is no command {arguments[0]}")
        command, arguments = inner, arguments[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    given, left, _ = command.make_parser(context).parse_args(list(arguments))
    if left:
        raise click.UsageError(f"too many words: {left}")
    for parameter in command.params:
        _check(parameter, given.get(parameter.name or ""), context)


def _check(parameter: click.Parameter, value: Any, context: click.Context) -> None:
    kind: click.ParamType[Any] = parameter.type
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, str) and isinstance(kind, click.Choice):
            kind.convert(one, parameter, context)


# -- names and resources ---------------------------------------------------------------------------------------------


def known_variables() -> set[str]:
    """Every variable that settings, command line or tests read."""
    options = {TRACEBACK, USER_DSN, USER_KUBECONFIG}
    for command in _all(cli, click.Context(cli)):
        for parameter in command.params:
            names = parameter.envvar or ()
            options |= {names} if isinstance(names, str) else set(names)
    return options | {variable(field) for field in dataclasses.fields(Settings)}


def _all(command: click.Command, context: click.Context) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _all(inner, context)


def unknown_variables(page: str) -> list[str]:
    """Variables with our prefix that nothing reads."""
    return sorted(set(re.findall(r"\bSHIPSLOG_[A-Z_]*[A-Z]", page)) - known_variables())


def resources(page: str) -> Iterator[dict[str, Any]]:
    """Our resources in YAML blocks, and in what a shell block hands to kubectl."""
    for block in blocks(page):
        texts = [block.text] if block.language == "yaml" else [text for _, text in _HEREDOC.findall(block.text)]
        for text in texts:
            if API_VERSION in text:
                filled = re.sub(r"\$\{?[A-Z_]+\}?", "https://example.com", text)
                yield from (body for body in yaml.safe_load_all(filled) if body["apiVersion"] == API_VERSION)


def wrong_resources(page: str) -> list[str]:
    """Resources that the model does not take, each with the reason."""
    faults = []
    for body in resources(page):
        try:
            msgspec.convert(body["spec"], SPECS[body["kind"]])
        except (msgspec.ValidationError, KeyError) as error:
            faults.append(f"{body['kind']} {body['metadata']['name']}: {error}")
    return faults


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_image_leads_somewhere(path: Path) -> None:
    """Files exist, and anchors are headings."""
    assert broken_links(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_target_variable_and_resource_exists(path: Path) -> None:
    """A reader who copies from a page is not sent astray."""
    page = path.read_text(encoding="utf-8")
    assert unknown_targets(page) == []
    assert wrong_commands(page) == []
    assert unknown_variables(page) == []
    assert wrong_resources(page) == []


def test_the_pages_hold_what_is_checked() -> None:
    """The checks see something: else a change of form would switch them off in silence."""
    pages = [path.read_text(encoding="utf-8") for path in WRITTEN]
    seen = [words for page in pages for words in commands(page)]
    assert sum(words[0] == "shipslog" for words in seen) > 30
    assert sum(words[0] == "make" for words in seen) > 10
    assert {body["kind"] for page in pages for body in resources(page)} == set(SPECS)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("[x](nowhere.md)", "nowhere.md"),
        ("![x](images/none.svg)", "images/none.svg"),
        ("[x](README.md#no-such-heading)", "README.md#no-such-heading"),
    ],
)
def test_a_broken_link_is_found(page: str, fault: str) -> None:
    """Also an image and an anchor."""
    assert broken_links(ROOT / "README.md", page) == [fault]


@pytest.mark.parametrize(
    "line",
    [
        "shipslog launch",
        "shipslog audit burn",
        "shipslog sync team-pay/shop --force",
        "shipslog audit tail --type drift.gone",
        "SHIPSLOG_LISTEN=:80 .venv/bin/shipslog doctor --colour",
        "env -u KUBECONFIG SHIPSLOG_LISTEN=:80 shipslog controllers > log 2>&1 &",
        "kubectl exec shipslog-0 -- shipslog doctors",
        "shipslog audit show $(shipslog audit tails -o json)",
        "echo | shipslog health -g -",
        "shipslog app \\\n  team-pay/shop --healthy",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    """In whatever form it is called."""
    assert len(wrong_commands(f"```sh\n{line}\n```\n")) == 1


def test_a_wrong_target_variable_and_resource_is_found() -> None:
    """Each by its own check."""
    assert unknown_targets("`make coffee`\n```sh\nmake setup tea\n```\n") == ["coffee", "tea"]
    assert unknown_variables("`SHIPSLOG_WORKERS` and `SHIPSLOG_WORKER`") == ["SHIPSLOG_WORKER"]
    body = f"apiVersion: {API_VERSION}\nkind: Repository\nmetadata: {{name: a}}\nspec: {{url: 'git@host:a'}}\n"
    assert len(wrong_resources(f"```yaml\n{body}```\n")) == 1
    assert len(wrong_resources(f"```sh\nkubectl apply -f - <<END\n{body}END\n```\n")) == 1
