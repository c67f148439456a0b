"""The parts of commands that decide something by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from controller.cli import options
from controller.cli.audit import filters_of, moment
from controller.cli.checks import contains
from controller.cli.documents import expanded, split, wrapped
from controller.cli.home import locate
from controller.cli.nouns import key_of
from controller.cli.render import located, root_of
from controller.cli.rendering import values_of
from controller.cli.rights import NEEDED, allows
from controller.errors import Terminal
from controller.kube.errors import AccessError
from controller.model.crds import crds
from controller.model.objects import Key
from controller.render import RenderError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2d", NOW - timedelta(days=2)),
        ("1w2d", NOW - timedelta(days=9)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("2025-12-01", datetime(2025, 12, 1, tzinfo=UTC)),
        ("2025-12-01T00:00:00Z", datetime(2025, 12, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_given_as_such_or_as_how_long_ago(text: str | None, expected: datetime | None) -> None:
    """Durations as in a spec and in days and weeks, times with a zone, days of UTC."""
    assert moment(text, NOW, "--since") == expected


@pytest.mark.parametrize(
    "text",
    ["monday", "2025-12-01T00:00:00", "5", "", "9" * 40 + "h", "9" * 40 + "w", "d", "12h1d", "2025-13-01", "20251201"],
)
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    """It would mean another moment on every machine."""
    with pytest.raises(click.BadParameter, match="neither a duration"):
        moment(text, NOW, "--since")


def test_a_definition_counts_as_current_when_the_server_only_added_to_it() -> None:
    """Defaults that it filled in and empty fields that it left out are no difference; any other value is."""
    wanted = crds()[0]["spec"]
    live: dict[str, Any] = {**wanted, "conversion": {"strategy": "None"}}

    assert contains(live, wanted)
    assert contains({}, {"priority": 0, "list": []})
    assert not contains({**live, "scope": "Cluster"}, wanted)
    assert not contains({**live, "versions": []}, wanted)
    assert not contains({}, {"scope": "Cluster"})


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({"verbs": ["get", "patch"], "apiGroups": ["shipslog.dev"], "resources": ["applications/status"]}, True),
        ({"verbs": ["patch"], "apiGroups": ["shipslog.dev"], "resources": ["*/status"]}, True),
        ({"verbs": ["patch"], "apiGroups": ["shipslog.dev"], "resources": ["applications"]}, False),
        ({"verbs": ["get"], "apiGroups": ["shipslog.dev"], "resources": ["applications/status"]}, False),
        ({"verbs": ["patch"], "apiGroups": [""], "resources": ["applications/status"]}, False),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["one"]}, False),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, False),
    ],
)
def test_a_right_is_there_when_a_rule_gives_it_for_every_name(rule: dict[str, Any], allowed: bool) -> None:
    """As RBAC reads rules."""
    assert allows([rule], "patch", "shipslog.dev", "applications/status") is allowed
    assert not allows([], *("get", "", "secrets"))
    assert NEEDED


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("", []),
        ("---\n---\n", []),
        ("a: 1\n", [("a: 1\n", 1)]),
        ("a: 1\n---\nb: 2\n", [("a: 1\n", 1), ("\nb: 2\n", 2)]),
        ("--- {a: 1}\n...\nb: 2", [(" {a: 1}\n", 1), ("\nb: 2", 2)]),
        ("a: |\n  ---\n  b\n", [("a: |\n  ---\n  b\n", 1)]),
        ("---a: 1\n", [("---a: 1\n", 1)]),
        ("a: 1\r\n---\r\nb: 2\r\n", [("a: 1\r\n", 1), ("\r\nb: 2\r\n", 2)]),
    ],
)
def test_a_stream_is_split_where_yaml_ends_documents(text: str, documents: list[tuple[str, int]]) -> None:
    """Only a marker at the beginning of a line ends one; each knows its first line."""
    assert [(one.text, one.line) for one in split(text)] == documents


def test_a_document_can_not_leave_the_object_it_is_put_into() -> None:
    """Every line is moved to the right, after whatever YAML takes for a line break."""
    text = wrapped(3, "a: 1\nb: 2\r\nc: 3\u2028d: 4\x85e: 5").decode()

    lines = [line for line in text.splitlines()[4:] if line]
    assert lines == ["  a: 1", "  b: 2", "  c: 3", "  d: 4", "  e: 5"]


def test_lists_are_expanded_and_their_items_completed() -> None:
    """Of a plain List, of a typed one, of lists of lists, and of an array."""
    pod = {"apiVersion": "v1", "kind": "Pod"}
    value = [{"apiVersion": "v1", "kind": "List", "items": [pod, {**pod, "kind": "PodList", "items": [{"a": 1}]}]}]

    assert list(expanded("f", value)) == [pod, {**pod, "a": 1}]


@pytest.mark.parametrize("value", [None, 1, "x", {}, {"kind": 1}, [[1]], {"kind": "List", "items": [1]}])
def test_what_is_no_object_is_named(value: Any) -> None:
    """Rather than judged."""
    with pytest.raises(RenderError, match="f: a Kubernetes object is expected"):
        list(expanded("f", value))


def test_the_root_is_that_of_the_checkout_and_above_all_values(tmp_path: Path) -> None:
    """So that `../base` and values beside the checkout are found, and nothing else is read."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    inside = tmp_path / "repo" / "apps" / "shop"
    inside.mkdir(parents=True)

    assert root_of(inside, None, ()) == tmp_path / "repo"
    assert root_of(inside, inside, ()) == inside
    assert root_of(inside, None, (tmp_path / "values.yaml",)) == tmp_path
    with pytest.raises(Terminal, match="is not below"):
        root_of(tmp_path, inside, ())


def test_values_are_set_by_path() -> None:
    """Each is JSON, so its type is what it looks like."""
    assert values_of(("a.b=1", 'a.c="1"', "d=[true]")) == {"a": {"b": 1, "c": "1"}, "d": [True]}


@pytest.mark.parametrize("assignment", ["a", "a=", "=1", "a.=1", "a=b", "a..b=1"])
def test_a_value_that_is_no_json_is_refused(assignment: str) -> None:
    """By its own text."""
    with pytest.raises(click.BadParameter, match="not of the form"):
        values_of((assignment,))


def test_a_value_is_not_set_twice() -> None:
    """Neither as a value nor as a path through one."""
    with pytest.raises(click.BadParameter, match="has a value already"):
        values_of(("a=1", "a.b=2"))


def test_an_application_is_named_with_or_without_its_namespace() -> None:
    """A slash decides."""
    assert key_of("shop", "team") == Key("team", "shop")
    assert key_of("other/shop", "team") == Key("other", "shop")
    with pytest.raises(Terminal, match="namespace/name"):
        key_of("a/b/c", "team")


def kubeconfig(path: Path, text: str) -> str:
    """Write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


CONTEXT = """
current-context: b
contexts:
- {name: a, context: {user: x}}
- {name: b, context: {user: reader, namespace: team}}
"""


def test_the_home_cluster_is_that_of_the_option_then_the_variable_then_the_home_then_the_pod(tmp_path: Path) -> None:
    """With the namespace and the user of its context."""
    account = tmp_path / "account"
    environment = {"HOME": str(tmp_path), "USER": "grace", "SHIPSLOG_SERVICEACCOUNT_DIR": str(account)}
    with pytest.raises(AccessError, match="no kubeconfig"):
        locate("", environment)
    kubeconfig(account / "token", "t")
    kubeconfig(account / "namespace", "shipslog-system\n")
    place = locate("", environment)
    assert (place.kubeconfig, place.namespace, place.user) == (None, "shipslog-system", "grace")
    default = kubeconfig(tmp_path / ".kube" / "config", "current-context: a\n")
    place = locate("", environment)
    assert (str(place.kubeconfig), place.namespace, place.user) == (default, "default", "grace")
    second = kubeconfig(tmp_path / "second", CONTEXT)
    place = locate("", {**environment, "KUBECONFIG": f"{tmp_path / 'none'}:{second}"})
    assert (str(place.kubeconfig), place.namespace, place.user) == (second, "team", "reader")
    assert str(locate(default, {**environment, "KUBECONFIG": second}).kubeconfig) == default
    with pytest.raises(AccessError, match="there is no kubeconfig"):
        locate("/nonexistent", environment)


@pytest.mark.parametrize(
    "text", ["[", "a: 1", "current-context: a\ncontexts: 5", "current-context: a\ncontexts: [1, {name: a}]"]
)
def test_a_kubeconfig_of_another_shape_has_no_namespace(tmp_path: Path, text: str) -> None:
    """What is wrong with it is said when it is used."""
    place = locate(kubeconfig(tmp_path / "config", text), {"USER": "grace"})

    assert (place.namespace, place.user) == ("default", "grace")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("shop/a.yaml: ConfigMap a stands twice in shop/a.yaml", "../a.yaml: ConfigMap a stands twice in ../a.yaml"),
        ("resources[0]: shop/b.yaml does not exist", "resources[0]: ../b.yaml does not exist"),
        ("accumulating 'shop/a.yaml' from shop:", "accumulating '../a.yaml' from shop:"),
        ("no matches for Id Deployment.v1.apps/shop.x, apps/v1 and a.yaml", None),
        ("template: loop/templates/a.yaml:5:11: <.Values.a.yaml>", None),
    ],
)
def test_a_message_names_files_from_where_the_user_stands(
    message: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, and nothing but files."""
    (tmp_path / "shop" / "here").mkdir(parents=True)
    (tmp_path / "shop" / "a.yaml").touch()
    monkeypatch.chdir(tmp_path / "shop" / "here")

    assert located(message, tmp_path, "shop") == (said or message)


GIVEN: dict[str, Any] = dict.fromkeys(
    ("since", "until", "types", "namespace", "application", "cluster", "object_", "actor", "outcome", "run")
)


def test_the_ledger_is_asked_for_an_application_as_the_table_prints_it() -> None:
    """NAMESPACE/NAME is both filters."""
    found = filters_of({**GIVEN, "application": "team-pay/shop"}, NOW)
    assert (found.namespace, found.application) == ("team-pay", "shop")
    found = filters_of({**GIVEN, "application": "shop", "namespace": "team-pay"}, NOW)
    assert (found.namespace, found.application) == ("team-pay", "shop")


@pytest.mark.parametrize(
    "text",
    ["Deployment shop/web", "Deployment.apps shop/web", "Namespace shop", "ClusterRole.rbac.authorization.k8s.io a:b"],
)
def test_the_ledger_is_asked_for_an_object_as_events_name_it(text: str) -> None:
    """With its group or without, in a namespace or in none."""
    assert filters_of({**GIVEN, "object_": text}, NOW).object == text


@pytest.mark.parametrize("text", ["deploy shop/web", "Deployment/web", "web", "Deployment", "Deployment a/b/c", ""])
def test_the_ledger_is_not_asked_for_what_no_event_can_name(text: str) -> None:
    """A filter that can't match would answer that nothing ever happened."""
    with pytest.raises(click.BadParameter, match="KIND"):
        filters_of({**GIVEN, "object_": text}, NOW)


def test_a_name_with_its_namespace_contradicts_another_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given beside it, that is; the variable and the kubeconfig only say what is meant where nothing is said."""

    @click.command
    @click.argument("name")
    @options.namespace
    def show(name: str, namespace: str) -> None:
        click.echo(key_of(name, namespace))

    def said(*arguments: str) -> str:
        return CliRunner().invoke(show, arguments).output.strip().splitlines()[-1]

    monkeypatch.setenv("SHIPSLOG_CLI_NAMESPACE", "mine")
    assert said("shop") == "mine/shop"
    assert said("shop", "-n", "other") == "other/shop"
    assert said("team/shop") == "team/shop"
    assert said("team/shop", "-n", "team") == "team/shop"
    assert said("team/shop", "-n", "other") == "Error: team/shop is not in namespace other: give one of them"
