"""The how-to pages about sources: their repositories, Applications and commands, on a real cluster."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from controller.model.labels import API_VERSION
from docs.generator.artifacts import ROOT
from tests.ground.world import TEAM
from tests.integration.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+/\S+\.\w+)\n")
_FOREIGN = "apiVersion: argoproj.io/"


class Page(NamedTuple):
    """What a page tells its reader to commit, to apply and to run."""

    files: dict[str, str]
    objects: list[dict[str, Any]]
    commands: list[tuple[str, str]]
    """Each with what it prints, where the page says so."""

    @property
    def applications(self) -> list[dict[str, Any]]:
        """All Applications, those in files too."""
        committed = [body for text in self.files.values() if API_VERSION in text for body in yaml.safe_load_all(text)]
        return [body for body in [*self.objects, *committed] if body["kind"] == "Application"]


def read(name: str) -> Page:
    """The blocks of a page."""
    page = Page({}, [], [])
    for language, text in _blocks(name):
        file = _FILE.match(text)
        if file is not None:
            page.files[file[1]] = text[file.end() :]
        elif language == "yaml" and _FOREIGN not in text:
            page.objects.extend(yaml.safe_load_all(text))
        elif language == "sh":
            page.commands.extend((line, "") for line in text.replace("\\\n", " ").splitlines())
        elif language == "text":
            page.commands[-1] = (page.commands[-1][0], text)
    return page


def _blocks(name: str) -> Iterator[tuple[str, str]]:
    text = (ROOT / "docs" / "how-to" / f"{name}.md").read_text(encoding="utf-8")
    for _, language, block in _FENCE.findall(text):
        yield language, textwrap.dedent(block)


EXPECTED: dict[str, dict[tuple[str, str, str], Any]] = {
    "kustomize": {
        ("Deployment", "shop", "eu-web"): {
            "metadata.annotations.example\\.com/team": "pay",
            "metadata.labels.tier": "front",
            "metadata.labels.env": "prod",
            "spec.replicas": 2,
            "spec.revisionHistoryLimit": 3,
            "spec.selector.matchLabels": {"app": "web"},
            "spec.template.spec.containers.0.image": "nginx:1.29",
            "spec.template.spec.containers.0.env.0.value": "shop.example.com",
        },
        ("ConfigMap", "search", "settings-v2"): {},
    },
    "helm": {
        ("ConfigMap", "search", "search"): {
            "data.host": "search.eu.example.com",
            "data.tag": "1.10",
            "data.replicas": "5",
            "data.synonyms": "big, large\n",
        },
        ("ConfigMap", "search", "search-data"): {},
    },
    "coming-from-argo-cd": {
        ("ConfigMap", "prod", "eu-web"): {"data.mode": "prod", "metadata.annotations.team": "pay"},
        ("ConfigMap", "monitoring", "sales"): {},
    },
    "coming-from-flux": {
        ("ConfigMap", "default", "zone"): {"data.zone": "eu"},
        ("ConfigMap", "shop", "shop"): {
            "data.host": "production.example.com",
            "data.password": "not-for-the-log",
            "data.motd": "${HOME}",
        },
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_page_says_is_what_happens(name: str, world: World, controller: ControllerProcess) -> None:
    """Its files are committed, its objects applied, its commands run: all become Ready, and print what it says."""
    page = read(name)
    worktree = world.repository()
    worktree.publish(dict(page.files), "as the page says")
    for app in page.applications:
        if "createNamespace" not in app["spec"].get("sync", {}):
            world.objects.namespace(app["spec"]["destination"]["namespace"])
    world.objects.apply(*sorted(page.objects, key=lambda body: body["kind"] == "Application"))
    names = [app["metadata"]["name"] for app in page.applications]
    world.await_ready(*names, seconds=60)

    for (kind, namespace, called), fields in EXPECTED[name].items():
        found = world.objects.get("apps/v1" if kind == "Deployment" else "v1", kind, namespace, called)
        assert found is not None, f"{kind} {namespace}/{called}"
        assert {path: _at(found, path) for path in fields} == fields
    assert "not-for-the-log" not in controller.log.read_text() + str(world.ledger.events())
    shell = Shell(world.directory, {"KUBECONFIG": str(world.plane.kubeconfig)})
    for command, output in page.commands:
        said = shell(*command.split()[1:], cwd=worktree.path)
        assert said.code == 0, f"{command}: {said.err}"
        assert not output or _lines(said.out) == _lines(output), command


def test_an_application_of_a_page_that_is_wrong_is_found() -> None:
    """The pages hold what is checked: else a change of form would switch the check off in silence."""
    pages = [read(name) for name in EXPECTED]
    assert all(page.files and page.applications and page.commands for page in pages)
    assert {body["metadata"]["namespace"] for page in pages for body in page.objects} == {TEAM}
    assert sum(bool(output) for page in pages for _, output in page.commands) >= 3


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _at(body: Any, path: str) -> Any:
    for part in re.split(r"(?<!\\)\.", path):
        name = part.replace("\\.", ".")
        body = body[int(name)] if isinstance(body, list) else body[name]
    return body
