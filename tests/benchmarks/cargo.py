"""What is to stand: the files of its repositories, the Applications that read it, and what must come of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from controller.diff.normalise import Ownership, claim
from controller.model.objects import Key
from tests.benchmarks.fleet import KINDS, REPOSITORY, application
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.model.base import Json
    from tests.benchmarks.fleet import Fleet

IN_CLUSTER = "in-cluster"
_made = itertools.count()


@dataclass(frozen=True)
class Cargo:
    """`objects` says how many of each kind must stand at the end, by cluster and kind: else nothing was measured.

    `files` are those of the one repository; where there are several, `elsewhere` has the others by name.
    """

    namespaces: tuple[str, ...]
    files: Mapping[str, str]
    applications: Sequence[Json]
    objects: Mapping[str, Mapping[tuple[str, str], int]]
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def repositories(self) -> Mapping[str, Mapping[str, str]]:
        """Files by path, by repository; one without files is none."""
        return {name: files for name, files in {REPOSITORY: self.files, **self.elsewhere}.items() if files}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the Applications."""
        return tuple(str(body["metadata"]["name"]) for body in self.applications)


def of_fleet(fleet: Fleet, clusters: Sequence[str] = (IN_CLUSTER,)) -> Cargo:
    """A fleet, dealt out over clusters in turn."""
    bodies = []
    counts = dict.fromkeys(clusters, 0)
    for body, cluster in zip(fleet.applications(), itertools.cycle(clusters), strict=False):
        body["spec"]["destination"]["cluster"] = cluster
        bodies.append(body)
        counts[cluster] += 1
    files = dict(fleet.repositories())
    return Cargo(
        namespaces=fleet.names,
        files=files.pop(REPOSITORY, {}),
        elsewhere=files,
        applications=bodies,
        objects={cluster: dict.fromkeys(KINDS, count) for cluster, count in counts.items()},
    )


class Maps:
    """One Application of many ConfigMaps, each in a file of plain YAML."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.name = f"large-{next(_made):02d}"

    def key(self, number: int) -> str:
        """Name of a ConfigMap."""
        return f"map-{number:05d}"

    def body(self, number: int, version: str = "0") -> Json:
        """A ConfigMap as a person would write it."""
        labels = {"app.kubernetes.io/name": self.name, "app.kubernetes.io/component": f"part-{number % 10}"}
        data = {"version": version, "log_level": "info", "region": "north", "number": str(number)}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.key(number), "labels": labels},
            "data": data,
        }

    def file(self, number: int, version: str = "0") -> Mapping[str, str]:
        """The file of one."""
        return {f"apps/{self.name}/{self.key(number)}.yaml": yaml.safe_dump(self.body(number, version))}

    def cargo(self) -> Cargo:
        """All of it."""
        files = {path: text for number in range(self.size) for path, text in self.file(number).items()}
        stand = {IN_CLUSTER: {("v1", "ConfigMap"): self.size}}
        return Cargo((self.name,), files, [application(self.name)], stand)

    def wishes(self) -> Sequence[Json]:
        """Every object as our apply sends it, under another installation's mark."""
        return [wish(self.body(number), self.name) for number in range(self.size)]


def wish(body: Json, name: str, installation: str = "bare") -> Json:
    """An object of an Application as its apply sends it: labels and annotation of ownership included."""
    mark = Ownership(installation, Key(TEAM, name))
    return claim(body, "", namespaced=True, namespace=name, ownership=mark).body
