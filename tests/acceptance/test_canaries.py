"""Canaries in every place that a secret can come from, and a look for them in every place that others read."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.labels import API_VERSION
from tests.acceptance.private_sources import APPLICATIONS, FILES, PrivateSources
from tests.ground.eventually import eventually
from tests.ground.installation import NAMESPACE
from tests.ground.ports import free_ports
from tests.ground.webhook import AdmissionWebhook, allowed, denied
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

pytestmark = pytest.mark.timeout(300)

CANARIES = {
    name: f"canary-{number}-{name.replace(' ', '-')}"
    for number, name in enumerate(
        (
            "data",
            "text",
            "new text",
            "annotation of a Secret",
            "last applied",
            "before us",
            "by hand",
            "environment",
            "environment by hand",
            "denied Secret",
            "denied environment",
            "denied at the apply",
            "immutable",
            "values in Git",
            "values of the Application",
            "refused by a schema",
            "refused by a template",
            "Git password",
            "token of a kubeconfig",
        )
    )
}
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: vault\nversion: 1.0.0\n",
    "values.yaml": f"inGit: {CANARIES['values in Git']}\n",
    "templates/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: vault}\n"
    "stringData: {a: {{ .Values.inGit }}, b: {{ .Values.given }}}\n",
}


def _secret(name: str, namespace: str = "", annotations: Json | None = None, **fields: Any) -> Json:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **place, "annotations": annotations or {}},
        **fields,
    }


def _web(name: str, password: str) -> Json:
    pod = {"containers": [{"name": "web", "image": "nginx:1", "env": [{"name": "PASSWORD", "value": password}]}]}
    spec = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _files(text: str) -> dict[str, str]:
    """What is in Git: one directory per Application."""
    password = {"password": _encoded(CANARIES["data"])}
    note = {"note": CANARIES["annotation of a Secret"]}
    schema = {"properties": {"given": {"type": "string", "pattern": "^[0-9]+$"}}}
    dated = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ mustToDate `2006` .Values.given }}}\n"
    objects: dict[str, list[Json]] = {
        "good": [
            _secret("login", annotations=note, data=password, stringData={"text": text}),
            _secret("before"),
            _web("web", CANARIES["environment"]),
        ],
        "denied": [
            _secret("denied", stringData={"a": CANARIES["denied Secret"]}),
            _web("denied", CANARIES["denied environment"]),
        ],
        "late": [_secret("late", stringData={"a": CANARIES["denied at the apply"]})],
        "fixed": [_secret("fixed", stringData={"a": CANARIES["immutable"]})],
    }
    charts = {
        "vault": CHART,
        "schema": CHART | {"values.schema.json": json.dumps(schema)},
        "template": CHART | {"templates/dated.yaml": dated},
    }
    plain = {
        f"{name}/all.json": json.dumps({"apiVersion": "v1", "kind": "List", "items": objects[name]}) for name in objects
    }
    return (
        FILES | plain | {f"{name}/{path}": content for name, files in charts.items() for path, content in files.items()}
    )


def _decide(request: Json) -> Json:
    """Refuse what is named so, and repeat the whole object."""
    body = request["object"]
    values = {name: base64.b64decode(value).decode() for name, value in (body.get("data") or {}).items()}
    late = request["name"] == "late" and not request.get("dryRun")
    return (
        denied(f"no: {values} and {body.get('spec')} of {json.dumps(body)}")
        if request["name"] == "denied" or late
        else allowed()
    )


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[AdmissionWebhook]:
    """A webhook that tells all it sees."""
    with AdmissionWebhook(tmp_path / "webhook", _decide) as started:
        yield started


def _prepare(world: World, webhook: AdmissionWebhook) -> None:
    objects = world.objects
    label = {"metadata": {"labels": {"webhook": "canaries"}}}
    objects.namespace("good", "denied", "late", "fixed", "vault", "schema", "template")
    for name in ("denied", "late"):
        objects.edit("v1", "Namespace", "", name, label)
    kinds = ("secrets", "deployments")
    objects.apply(webhook.configuration("ValidatingWebhookConfiguration", "canaries", "canaries", *kinds))
    eventually(lambda: _is_denied(world), "the webhook refuses", pause=0.1)
    last = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"a": CANARIES["last applied"]}})}
    before = _secret("before", "good", last, stringData={"old": CANARIES["before us"]})
    objects.admin.create("/api/v1/namespaces/good/secrets?fieldManager=kubectl-client-side-apply", before)
    objects.apply(_secret("fixed", "fixed", immutable=True, stringData={"a": "as it was"}))
    token = {"users": [{"name": "gone", "user": {"token": CANARIES["token of a kubeconfig"]}}]}
    server = {"clusters": [{"name": "gone", "cluster": {"server": f"https://127.0.0.1:{free_ports(1)[0]}"}}]}
    context = {
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
        "current-context": "gone",
    }
    kubeconfig = json.dumps({"apiVersion": "v1", "kind": "Config", **token, **server, **context})
    objects.apply(_secret("gone", NAMESPACE, stringData={"kubeconfig": kubeconfig}))
    reference = {"kubeconfigSecretRef": {"name": "gone", "namespace": NAMESPACE}}
    objects.apply({"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "gone"}, "spec": reference})


def _is_denied(world: World) -> bool:
    try:
        world.objects.apply(_secret("denied", "denied"))
    except RuntimeError:
        return True
    world.objects.delete("v1", "Secret", "denied", "denied")
    return False


def _sail(world: World) -> None:
    """Everything that can go right and wrong, once."""
    worktree = world.repository(credentials=("git", CANARIES["Git password"]))
    worktree.publish(_files(CANARIES["text"]), "All of it")
    for name in ("good", "denied", "late", "fixed"):
        world.application(name, path=name, sync={"retry": {"limit": 1}})
    for name, given in (("vault", "of the Application"), ("schema", ""), ("template", "")):
        value = CANARIES[f"values {given}" if given else f"refused by a {name}"]
        world.application(name, path=name, source={"helm": {"values": {"given": value}}})
    world.application("away", path="good", destination={"cluster": "gone"})
    world.await_ready("good", "vault", seconds=60)
    for name in ("denied", "late", "fixed", "schema", "template"):
        eventually(lambda name=name: _failed(world, name), f"{name} fails", seconds=60)  # type: ignore[misc]
    worktree.publish(_files(CANARIES["new text"]), "Another text")
    path = "/metadata/annotations/note"
    by_hand = {"data": {"password": _encoded(CANARIES["by hand"])}, "stringData": {"more": CANARIES["by hand"]}}
    eventually(lambda: _text(world) == CANARIES["new text"], "the new text is applied")
    world.application("good", path="good", sync={"selfHeal": False})
    eventually(lambda: world.status("good")["observedGeneration"] == 2, "healing is off")
    world.objects.edit("v1", "Secret", "good", "login", by_hand | {"metadata": {"annotations": {"note": path}}})
    pod = _web("web", CANARIES["environment by hand"])["spec"]["template"]
    world.objects.edit("apps/v1", "Deployment", "good", "web", {"spec": {"template": pod}}, manager="kubectl-set")
    eventually(lambda: len(world.status("good").get("drift", [])) == 2, "both drifts are told")


def _text(world: World) -> str:
    found = world.objects.get("v1", "Secret", "good", "login") or {}
    return base64.b64decode(found.get("data", {}).get("text", "")).decode()


def _failed(world: World, name: str) -> bool:
    ready = world.condition(name, "Ready")
    return ready.get("status") == "False" and bool(ready["message"]) and not ready["message"].startswith("Repository")


def _run(world: World, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(world.directory / "pod"),
        "KUBECONFIG": str(world.plane.kubeconfig),
        "SHIPSLOG_CLI_NAMESPACE": TEAM,
        "SHIPSLOG_CLI_DATABASE_URL": world.ledger.dsn,
    }
    command = [sys.executable, "-m", "controller", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def _outlets(world: World, controller: ControllerProcess) -> Iterator[tuple[str, str]]:
    """Every place that others read, by name, with all that stands in it."""
    for name in ("good", "denied", "late", "fixed", "vault", "schema", "template", "away", *APPLICATIONS):
        yield f"plan {name} -o json", _run(world, "plan", name, "-o", "json")
    for name in ("good", "denied", *APPLICATIONS):
        yield f"plan {name} -o table", _run(world, "plan", name)
        yield f"app {name}", _run(world, "app", name)
    yield "audit tail", _run(world, "audit", "tail", "--limit", "1000", "-o", "json")
    yield "sync good", _run(world, "sync", "good", "--timeout", "20")
    for drift in world.ledger.events("drift.detected"):
        yield f"audit show {drift['target']['object']}", _run(world, "audit", "show", drift["id"])
    yield "log", controller.text()
    yield "metrics", controller.metrics()
    yield "Kubernetes Events", json.dumps(list(world.objects.list("v1", "Event")))
    for kind in ("Application", "Repository", "Cluster"):
        yield f"status of {kind}s", json.dumps([body.get("status") for body in world.objects.list(API_VERSION, kind)])
    yield from _rows(world)
    for path in sorted((world.directory / "pod" / "spool").rglob("*")):
        if path.is_file():
            yield f"spool {path.name}", path.read_bytes().decode("utf-8", "replace")


def _rows(world: World) -> Iterator[tuple[str, str]]:
    """Every row of every table of the database, also of those that only we know of."""
    server, name = world.ledger.server, world.ledger.name
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
    for table in filter(None, server.execute(tables, name).splitlines()):
        yield f"table {table}", server.execute(f"SELECT to_json(t)::text FROM {table} t", name)  # noqa: S608
    yield "events", json.dumps(world.ledger.events())


def _forms(secret: str) -> tuple[str, ...]:
    """The secret as it is, in base64, and as PostgreSQL shows bytes."""
    return secret, _encoded(secret), secret.encode().hex()


def test_no_canary_is_seen_anywhere(world: World, webhook: AdmissionWebhook) -> None:
    """Not in logs, metrics, Events, status, spool, any row of the database, or what any command prints."""
    _prepare(world, webhook)
    private = PrivateSources(world)
    private.prepare()
    controller = world.controller(SHIPSLOG_LOG_LEVEL="debug").start()
    try:
        _sail(world)
        private.sail()
        outlets = list(_outlets(world, controller))
    finally:
        controller.stop()
        private.end()
    outlets.append(("log to its end", controller.text()))

    told = dict(outlets)
    assert "(redacted)" in told["plan good -o table"]
    assert "/env/[name=PASSWORD]/value" in told["plan good -o json"]
    assert "admission webhook" in told["plan denied -o table"]
    assert "drift.detected" in told["events"]
    assert "ConfigMap filled/filled" in told["events"]
    assert "Service misfilled/misfilled" in told["app misfilled"]
    leaks = [
        f"{name!r} in {outlet}: {text[max(0, text.index(form) - 200) : text.index(form) + 80]}"
        for outlet, text in outlets
        for name, canary in (CANARIES | private.canaries).items()
        for form in _forms(canary)
        if form in text
    ]
    assert leaks == [], "\n".join(leaks)
