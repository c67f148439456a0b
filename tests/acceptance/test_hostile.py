"""Hostile and broken inputs of every kind, all at once: each is told, changes nothing, and takes nobody down."""

from __future__ import annotations

import contextlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.labels import API_VERSION, OWNER_LABEL
from tests.acceptance.hostile import (
    charts,
    kubeconfigs,
    kustomizations,
    manifests,
    repositories,
    resources,
    trees,
    yamls,
)
from tests.acceptance.hostile.case import Content, Told
from tests.acceptance.hostile.servers import no_git
from tests.acceptance.hostile.settings import SETTINGS, Setting
from tests.acceptance.records import assert_sound
from tests.controlplane.admin import ApiError
from tests.ground.controller_process import COMMAND
from tests.ground.eventually import NeverCameTrueError, eventually
from tests.ground.installation import NAMESPACE
from tests.ground.ports import free_ports
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

CONTENTS: tuple[Content, ...] = (
    *yamls.CASES,
    *manifests.CASES,
    *kustomizations.CASES,
    *charts.CASES,
    *resources.TOLD,
)
STOOD = tuple(case for number, case in enumerate(CONTENTS) if number % 4 == 0 or case.name == "nothing-left")
"""Those whose Applications stood well before; of the others nothing was ever applied."""
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"
LIMITS = {
    "SHIPSLOG_TREE_ENTRIES": str(trees.ENTRIES),
    "SHIPSLOG_MIRROR_SIZE": str(16 << 20),
    "SHIPSLOG_RENDER_TIMEOUT": "20",
    "SHIPSLOG_RENDER_MEMORY": str(384 << 20),
}
MOST_MEMORY = 400 << 20
"""Bytes that the controller may have held at its most: an order below what the inputs want it to hold."""
LEAST = 100


class Sea:
    """The world with all that is hostile in it."""

    def __init__(self, world: World, nowhere: str) -> None:
        self.world = world
        self.nowhere = nowhere
        self.hostile = world.repository("hostile")
        self.raw = world.repository("raw")
        world.repository("bomb")
        self.odds: Sequence[repositories.Odd] = ()
        self.kubeconfigs: Sequence[kubeconfigs.Kubeconfig] = ()

    @property
    def raw_path(self) -> Path:
        """The bare repository of trees that no git command would make."""
        return self.world.repositories["raw"][0].path

    def calm(self) -> None:
        """All is well: a neighbour, one beside the raw trees, and those Applications that stood well before."""
        self.world.objects.namespace("hostile", "harbour")
        files = {f"{case.name}/good.yaml": GOOD % (case.name, "1") for case in STOOD}
        self.hostile.publish(files | {"neighbour/a.yaml": GOOD % ("neighbour", "1")}, "all is well")
        self.raw.publish({"raw-neighbour/a.yaml": GOOD % ("raw-neighbour", "1")}, "all is well")
        self._neighbours()
        for case in STOOD:
            self.world.application(case.name, repository="hostile", path=case.name, **_at("hostile"))

    def _neighbours(self) -> None:
        self.world.application("neighbour", repository="hostile", path="neighbour", **_at("harbour"))
        self.world.application("raw-neighbour", repository="raw", path="raw-neighbour", **_at("harbour"))

    def storm(self) -> None:
        """All that is hostile, at once. Wishes first: none may follow the commit without what it wants."""
        for case in CONTENTS:
            spec = _merged(_at("hostile"), case.spec)
            self.world.application(case.name, repository="hostile", path=case.name, **spec)
        for case in trees.TREES:
            self.world.application(case.name, path=case.name, **_merged(_at("hostile"), case.spec))
        self._commit()
        trees.commit(self.raw_path, "1")
        trees.commit_bomb(self.world.repositories["bomb"][0].path)
        self._repositories()
        self._clusters()

    def _commit(self) -> None:
        files: dict[str, str | bytes | None] = {f"{case.name}/good.yaml": None for case in STOOD}
        for case in CONTENTS:
            files |= {f"{case.name}/{path}": content for path, content in case.files.items()}
        self.hostile.publish(files, "a storm")

    def _repositories(self) -> None:
        port = free_ports(1)[0]
        self.odds = repositories.odds(self.world.git, self.nowhere, port, self.world.directory.name)
        for odd in self.odds:
            secrets = [_secret(f"{odd.name}-{end}", TEAM, content) for end, content in odd.secrets.items()]
            self.world.objects.apply(*secrets, _ours("Repository", odd.name, {"interval": "5s", **odd.spec}))
            self.world.application(odd.name, repository=odd.name, **_at("hostile"))

    def _clusters(self) -> None:
        plane = self.world.plane
        port = free_ports(1)[0]
        self.kubeconfigs = kubeconfigs.kubeconfigs(plane.url, plane.ca_file.read_text(encoding="utf-8"), port)
        for given in self.kubeconfigs:
            name = f"{given.name}-kubeconfig"
            if given.text is not None:
                self.world.objects.apply(_secret(name, NAMESPACE, {given.key: given.text}))
            spec = {"kubeconfigSecretRef": {"name": name, "namespace": NAMESPACE}}
            self.world.objects.apply(_ours("Cluster", given.name, spec))
            place = {"destination": {"namespace": "hostile", "cluster": given.name}}
            self.world.application(given.name, repository="hostile", path="neighbour", **place)

    # -- what is told ------------------------------------------------------------------------------------------------

    def wanted(self) -> Iterator[tuple[str, str, str, Sequence[str]]]:
        """Kind of case, its name, kind of the object that tells, and what it must name."""
        for case in (*CONTENTS, *trees.TREES):
            yield case.kind, case.name, "Application", case.says
        for odd in self.odds:
            yield "repository", odd.name, "Application", odd.says
        for given in self.kubeconfigs:
            yield "kubeconfig", given.name, "Cluster", given.says

    def told(self) -> list[Told]:
        """Every case as it stands now."""
        found = {kind: self._conditions(kind) for kind in ("Application", "Cluster")}
        return [_judged(kind, name, found[about].get(name, {}), says) for kind, name, about, says in self.wanted()]

    def _conditions(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        listed = self.world.objects.list(API_VERSION, kind, TEAM if kind == "Application" else "")
        return {item["metadata"]["name"]: _ready(item) for item in listed}

    def all_told(self, seconds: float) -> list[Told]:
        """Wait until every case is told; the table as it stands then, or when the time is over."""
        last: list[Told] = []

        def look() -> bool:
            nonlocal last
            last = self.told()
            return not any(told.missing for told in last)

        with contextlib.suppress(NeverCameTrueError):  # the table says what is missing
            eventually(look, "all is told", seconds=seconds, pause=1.0)
        return last

    def standing(self) -> dict[tuple[str, str], str]:
        """Every object that is ours in the cluster, and its version."""
        kinds = [("v1", kind) for kind in ("ConfigMap", "Secret", "Service", "Namespace")]
        kinds += [("apps/v1", "Deployment"), ("rbac.authorization.k8s.io/v1", "ClusterRole")]
        kinds += [("apiextensions.k8s.io/v1", "CustomResourceDefinition")]
        return {
            (item["metadata"].get("namespace", ""), f"{kind} {item['metadata']['name']}"): item["metadata"][
                "resourceVersion"
            ]
            for api_version, kind in kinds
            for item in self.world.objects.list(api_version, kind, selector=OWNER_LABEL)
        }


@pytest.mark.timeout(480)
def test_no_hostile_input_changes_anything_or_harms_a_neighbour(
    world: World, launch: Callable[..., ControllerProcess]
) -> None:
    """Each is told where people look, with what to do; what stood stands; the neighbours go on; the process lives."""
    with no_git() as nowhere, ThreadPoolExecutor(2) as aside:
        sea = Sea(world, nowhere.url)
        sea.calm()
        controller = launch(**LIMITS)
        pid = controller.pid
        world.await_ready("neighbour", "raw-neighbour", *(case.name for case in STOOD), seconds=120)
        before, runs = sea.standing(), len(world.ledger.events("sync.completed"))

        sea.storm()
        starts = [aside.submit(_start, world, setting, number) for number, setting in enumerate(SETTINGS)]
        table = [_refusal(world, refused) for refused in resources.REFUSED]
        table += [start.result() for start in starts]
        table += sea.all_told(90)
        _print(table)

        assert [told for told in table if told.missing] == []
        assert len(table) >= LEAST
        assert sea.standing() == before
        assert len(world.ledger.events("sync.completed")) == runs
        _neighbours_go_on(sea)
        assert controller.pid == pid
        assert controller.exit_code is None
        assert _peak(controller) < MOST_MEMORY
        assert "Traceback" not in controller.text()
        assert controller.stop() == 0
        assert_sound(world.ledger.events())


def _neighbours_go_on(sea: Sea) -> None:
    """Both are Ready, and follow one more commit."""
    world = sea.world
    for name in ("neighbour", "raw-neighbour"):
        assert world.condition(name, "Ready")["status"] == "True", world.condition(name, "Ready")
    head = sea.hostile.publish({"neighbour/a.yaml": GOOD % ("neighbour", "2")}, "the neighbour goes on")
    raw_head = trees.commit(sea.raw_path, "2", parent=world.repositories["raw"][0].head())
    world.await_ready("neighbour", revision=head, seconds=60)
    world.await_ready("raw-neighbour", revision=raw_head, seconds=60)
    for name in ("neighbour", "raw-neighbour"):
        found = world.objects.get("v1", "ConfigMap", "harbour", name)
        assert found is not None
        assert found["data"] == {"version": "2"}


def _refusal(world: World, refused: resources.Refused) -> Told:
    body = _ours(refused.kind, refused.object_name or refused.name, refused.spec)
    try:
        world.objects.apply(body)
    except ApiError as error:
        text = str(error).partition('"message":')[2]
        return Told("resource", refused.name, text, _missing(text, refused.says))
    return Told("resource", refused.name, "it was accepted", tuple(refused.says))


def _start(world: World, setting: Setting, number: int) -> Told:
    """Start a controller with one wrong setting: it must end at once, with one line."""
    process = world.controller(**(LIMITS | {setting.name: setting.value}))
    place = world.directory / f"setting-{number}"
    own = {"SHIPSLOG_SPOOL_DIR": str(place / "spool"), "SHIPSLOG_MIRROR_DIR": str(place / "mirrors")}
    name = f"{setting.name.removeprefix('SHIPSLOG_').lower()}={setting.value}"
    try:
        done = subprocess.run(
            COMMAND,
            env=process.environment | own | {setting.name: setting.value},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,  # they start beside a storm of renderings: until then it is slow, not accepted
        )
    except subprocess.TimeoutExpired:
        return Told("setting", name, "it was accepted", (*setting.says,))
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    text = "\n".join(said)
    option = "--" + setting.name.removeprefix("SHIPSLOG_").lower().replace("_", "-")
    wrong = _missing(text, (option if option in text else setting.name, *setting.says))
    if done.returncode == 0 or len(said) != 1 or "verysecret" in text:
        wrong = (*wrong, f"one line and a failure, not {len(said)} and {done.returncode}")
    return Told("setting", name, text, wrong)


def _judged(kind: str, name: str, ready: Mapping[str, Any], says: Sequence[str]) -> Told:
    text = f"{ready.get('reason', '')}: {ready.get('message', '')}"
    wrong = _missing(text, says)
    if ready.get("status") == "True":
        wrong = (*wrong, "that it is not Ready")
    for secret in ("root:", "hunter2secret", "wrong-one", "wrong-token", "p4ssword", "t0ken"):
        if secret in text:
            wrong = (*wrong, f"nothing of {secret}")
    return Told(kind, name, text, wrong)


def _missing(text: str, says: Sequence[str]) -> Sequence[str]:
    return tuple(part for part in says if part not in text)


def _print(table: Sequence[Told]) -> None:
    for told in sorted(table):
        print(f"{told.kind:14} {told.name:32} {' '.join(told.text.split())[:400]}")
        if told.missing:
            print(f"{'':14} {'':32} MISSING {told.missing}")
    print(f"{len(table)} cases")


def _peak(controller: ControllerProcess) -> int:
    """The most memory that the process ever held, in bytes."""
    lines = Path(f"/proc/{controller.pid}/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) << 10


def _at(namespace: str) -> dict[str, Any]:
    return {"destination": {"namespace": namespace}}


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    return {name: over.get(name, base.get(name)) for name in {*base, *over}}


def _ready(item: Json) -> Mapping[str, Any]:
    status = item.get("status", {})
    if status.get("observedGeneration") != item["metadata"]["generation"]:
        return {}  # it is about another wish
    conditions = status.get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})


def _ours(kind: str, name: str, spec: Mapping[str, Any]) -> Json:
    place = {} if kind == "Cluster" else {"namespace": TEAM}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **place}, "spec": dict(spec)}


def _secret(name: str, namespace: str, content: Mapping[str, str]) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(content)}
