"""A long voyage with something of everything in it, and secrets planted wherever one could leak from."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from controller.model.labels import API_VERSION
from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.installation import NAMESPACE, ROOT
from tests.ground.ledger import PASSWORD
from tests.ground.ports import free_ports
from tests.ground.prometheus import PrometheusServer
from tests.ground.world import TEAM, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json

CANARIES = {
    "in a manifest": "canary-of-the-manifest",
    "in a generator": "canary-of-the-generator",
    "written by hand": "canary-of-the-hand",
    "in an annotation": "canary-of-the-annotation",
    "of a file that is torn": "canary-of-the-torn-file",
    "of a key that is there twice": "canary-of-the-twin-key",
    "of a wrong type": "canary-of-the-wrong-type",
    "that is no base64": "canary!of!no!base64",
    "of a Git server": "canary-of-the-git-server",
    "that a Git server refuses": "canary-of-the-refused",
    "in a kubeconfig": "canary-of-the-kubeconfig",
    "of the database": PASSWORD,
}
"""Every secret by where it stands."""

HEALTHY = ("shop", "chart", "frozen")
FAILING = ("torn", "twice", "mistyped", "garbled", "unknown", "locked")


def _secret(name: str, **fields: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}) + "\n"


def _files(version: str) -> dict[str, str]:
    files = {f"shop/{name}": text for name, text in shop(version).items()}
    files["shop/kustomization.yaml"] += (
        "secretGenerator:\n- name: generated\n  options: {disableNameSuffixHash: true}\n"
        f"  literals: [password={CANARIES['in a generator']}]\n"
    )
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: %s}\n"
    login = _secret("login", data={"password": _base64(CANARIES["in a manifest"])})
    torn = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: torn}\n"
        f'stringData:\n  password: "{CANARIES["of a file that is torn"]}\n  other: [\n'
    )
    twin = CANARIES["of a key that is there twice"]
    twice = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: twice}\n"
        f"stringData:\n  password: {twin}\n  password: {twin}-again\n"
    )
    return files | {
        "shop/login.yaml": login,
        "shop/kustomization.yaml": files["shop/kustomization.yaml"].replace(
            "[namespace.yaml", "[login.yaml, namespace.yaml"
        ),
        "shop/web.yaml": files["shop/web.yaml"].replace("{name: login}", "{name: other-login}"),
        "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "chart/templates/map.yaml": config % "{{ .Release.Name }}",
        "frozen/map.yaml": config % "b",
        "frozen/login.json": login,
        "torn/secret.yaml": torn,
        "twice/secret.yaml": twice,
        "mistyped/secret.yaml": _secret("bad", stringData={"password": {"of": CANARIES["of a wrong type"]}}),
        "garbled/secret.yaml": _secret("bad", data={"password": CANARIES["that is no base64"]}),
        "unknown/widget.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n",
    }


class LongVoyage:
    """What was done, and what came of it. `sail` once; then look."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.controller = world.controller(SHIPSLOG_LOG_LEVEL="debug")
        self.prometheus: PrometheusServer | None = None
        self.without_database: tuple[int, dict[str, Any]] = (0, {})
        """What `/readyz` said while PostgreSQL was away."""

    def sail(self) -> None:
        """The whole story."""
        self._prepare()
        self.controller.start()
        target = f"127.0.0.1:{self.controller.port}"
        rules = [ROOT / "dashboards" / "alerts.yaml"]
        self.prometheus = PrometheusServer.start(self.world.directory / "prometheus", [target], rules=rules)
        self._applications()
        self._drift()
        self._lose_the_database()
        (up,) = self.prometheus.query("sum_over_time(up[1h])")
        self.prometheus.await_scrapes(int(up.value) + 4)

    def end(self) -> None:
        """Stop what was started."""
        self.controller.stop()
        if self.prometheus is not None:
            self.prometheus.stop()

    def query(self, expression: str) -> list[float]:
        """What Prometheus answers, without labels."""
        assert self.prometheus is not None
        return [sample.value for sample in self.prometheus.query(expression)]

    def run(self, *arguments: str) -> str:
        """All that a command prints, for a user who may read everything; it may fail."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.world.directory / "pod"),
            "KUBECONFIG": str(self.world.plane.kubeconfig),
            "SHIPSLOG_CLI_NAMESPACE": TEAM,
            "SHIPSLOG_CLI_DATABASE_URL": self.world.ledger.dsn,
        }
        command = [sys.executable, "-m", "controller", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return f"$ {' '.join(arguments)}\n{done.stdout}{done.stderr}"

    def _prepare(self) -> None:
        world = self.world
        self.worktree = world.repository(credentials=("git", CANARIES["of a Git server"]))
        self.worktree.publish(_files("1.27"), "Leave harbour")
        world.repository("locked", credentials=("git", "the-right-one"))
        self._apply_secret("locked-login", TEAM, username="git", password=CANARIES["that a Git server refuses"])
        self._apply_secret("gone-kubeconfig", NAMESPACE, kubeconfig=_kubeconfig(free_ports(1)[0]))
        reference = {"name": "gone-kubeconfig", "namespace": NAMESPACE}
        spec = {"kubeconfigSecretRef": reference}
        world.objects.apply({"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "gone"}, "spec": spec})
        world.objects.namespace("chart", "frozen", "mistyped", "garbled", "unknown", "locked")

    def _applications(self) -> None:
        world = self.world
        for name in ("shop", "chart", "torn", "twice", "mistyped", "garbled", "unknown"):
            world.application(name, path=name)
        world.application("locked", repository="locked")
        world.application("frozen", path="frozen", sync={"selfHeal": False})
        world.application("parked", path="chart", sync={"mode": "manual"}, suspend=True)
        world.await_ready(*HEALTHY, seconds=60)
        for name in FAILING:
            eventually(lambda name=name: _is_failing(world, name), f"{name} fails")  # type: ignore[misc]

    def _drift(self) -> None:
        world, objects = self.world, self.world.objects
        objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 5}})
        world.await_event("drift.healed", target=_target("Deployment.apps shop/web"))
        annotation = json.dumps({"stringData": {"password": CANARIES["in an annotation"]}})
        by_hand = {"data": {"password": _base64(CANARIES["written by hand"])}}
        annotated = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": annotation}}}
        objects.edit("v1", "Secret", "shop", "login", by_hand | annotated)
        world.await_event("drift.healed", target=_target("Secret shop/login"))
        objects.delete("v1", "Service", "shop", "web")
        world.await_event("drift.healed", target=_target("Service shop/web"))

        objects.edit("v1", "ConfigMap", "frozen", "settings", {"data": {"a": "by hand"}})
        world.await_event("drift.detected", target=_target("ConfigMap frozen/settings", "frozen"))
        objects.edit("v1", "ConfigMap", "frozen", "settings", {"data": {"a": "b"}})
        world.await_event("drift.ended")
        objects.edit("v1", "Secret", "frozen", "login", by_hand)
        world.await_event("drift.detected", target=_target("Secret frozen/login", "frozen"))

    def _lose_the_database(self) -> None:
        server, name = self.world.ledger.server, self.world.ledger.name
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shipslog_writer_login'")
        head = self.worktree.publish(_files("1.28"), "While PostgreSQL is away")
        self.world.await_ready("shop", revision=head, seconds=60)
        eventually(self._seen_behind, "the ledger is seen to be behind")
        self.without_database = self.controller.probe("/readyz")
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        eventually(lambda: self.query("shipslog_ledger_undelivered_events") == [0], "all is delivered", seconds=60)

    def _seen_behind(self) -> bool:
        failures = self.query("shipslog_ledger_delivery_failures_total > 0")
        return bool(failures and self.query("shipslog_ledger_undelivered_events > 0"))

    def _apply_secret(self, name: str, namespace: str, **data: str) -> None:
        metadata = {"name": name, "namespace": namespace}
        self.world.objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})

    # -- everything that can be read of us -----------------------------------------------------------------------------

    def outlets(self) -> Iterator[tuple[str, str]]:
        """Every place that others than we can read, by name, with all that stands in it."""
        yield "log", self.controller.text()
        yield "/metrics", self.controller.metrics()
        for probe in ("/healthz", "/readyz"):
            yield probe, json.dumps(self.controller.probe(probe))
        yield "Kubernetes Events", json.dumps(list(self.world.objects.list("v1", "Event")))
        yield "our objects", json.dumps(list(self._our_objects()))
        yield "ledger", json.dumps(self.world.ledger.events())
        for path in sorted((self.world.directory / "pod" / "spool").rglob("*")):
            if path.is_file():
                yield f"spool {path.name}", path.read_bytes().decode("utf-8", "replace")
        for arguments in self._commands():
            said = self.run(*arguments)
            yield said.partition("\n")[0], said

    def _our_objects(self) -> Iterator[Json]:
        for kind in ("Application", "Repository", "Cluster"):
            yield from self.world.objects.list(API_VERSION, kind)

    def _commands(self) -> Iterator[tuple[str, ...]]:
        names = {"json": (*HEALTHY, *FAILING, "parked"), "table": ("shop", "frozen", "mistyped")}
        for form, chosen in names.items():
            yield from (("app", name, "-o", form) for name in chosen)
            yield from (("plan", name, "-o", form) for name in chosen)
            yield from (("get", kind, "-A", "-o", form) for kind in ("applications", "repositories"))
            yield ("get", "clusters", "-o", form)
            yield ("audit", "tail", "--limit", "1000", "-o", form)
        for event in self.world.ledger.events():
            if "Secret" in event.get("target", {}).get("object", ""):
                yield ("audit", "show", event["id"])


def forms(secret: str) -> tuple[str, ...]:
    """The secret as it is, and in base64 as a Secret has it."""
    return secret, _base64(secret)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _target(object_: str, application: str = "shop") -> dict[str, str]:
    return {"application": application, "cluster": "in-cluster", "namespace": TEAM, "object": object_}


def _is_failing(world: World, name: str) -> bool:
    return world.condition(name, "Ready").get("status") == "False" and bool(world.condition(name, "Ready")["message"])


def _kubeconfig(port: int) -> str:
    """Of a cluster that does not answer."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "gone",
            "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
            "clusters": [{"name": "gone", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
            "users": [{"name": "gone", "user": {"token": CANARIES["in a kubeconfig"]}}],
        }
    )
