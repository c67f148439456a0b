"""The same Applications, laid out in Git in other ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.benchmarks.fleet import MAP, REPOSITORY, Fleet, application, directory, kustomization, manifests, objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.model.base import Json

PER_REPOSITORY = 10
"""Applications of each repository, where there are many."""
SHARING = 100
"""Applications that share a base; a quarter of them where there are fewer than four times as many."""
CHART = "charts/web"
# Stand in the objects where the chart's templates have a value.
_NAME, _VERSION = "NAME-OF-THE-RELEASE", "VERSION-OF-THE-VALUES"


class PlainFleet(Fleet):
    """A directory of plain YAML each."""

    way = "plain YAML of one repository"

    def files(self) -> Mapping[str, str]:
        """The repository."""
        return {path: content for name in self.names for path, content in self._directory(name, "0").items()}

    def change(self, name: str, version: str) -> tuple[str, Mapping[str, str]]:
        """The files of its directory."""
        return REPOSITORY, self._directory(name, version)

    @staticmethod
    def _directory(name: str, version: str) -> Mapping[str, str]:
        return {f"apps/{name}/{path}": content for path, content in manifests(name, version).items()}


class ChartFleet(Fleet):
    """One Helm chart, and a file of values each."""

    way = "one Helm chart with values of each"

    def files(self) -> Mapping[str, str]:
        """The chart, and the values of all."""
        templates = {
            f"{CHART}/templates/{body['kind'].lower()}.yaml": yaml.safe_dump(body)
            .replace(_NAME, "{{ .Release.Name }}")
            .replace(_VERSION, "{{ .Values.version | quote }}")
            for body in objects(_NAME, _VERSION)
        }
        about = {"apiVersion": "v2", "name": "web", "version": "1.0.0"}
        chart = {f"{CHART}/Chart.yaml": yaml.safe_dump(about), f"{CHART}/values.yaml": "version: none\n", **templates}
        return chart | {path: text for name in self.names for path, text in self._values(name, "0").items()}

    def applications(self) -> Sequence[Json]:
        """Each with its own values."""
        return [
            application(name, path=CHART, helm={"releaseName": name, "valueFiles": [f"../../values/{name}.yaml"]})
            for name in self.names
        ]

    def change(self, name: str, version: str) -> tuple[str, Mapping[str, str]]:
        """The file of its values."""
        return REPOSITORY, self._values(name, version)

    @staticmethod
    def _values(name: str, version: str) -> Mapping[str, str]:
        return {f"values/{name}.yaml": yaml.safe_dump({"version": version})}


class ScatteredFleet(Fleet):
    """Ten Applications a repository, each a Kustomize directory."""

    way = f"Kustomize directories of repositories of {PER_REPOSITORY}"

    def repositories(self) -> Mapping[str, Mapping[str, str]]:
        """All of them."""
        found: dict[str, dict[str, str]] = {}
        for name in self.names:
            found.setdefault(self._repository(name), {}).update(directory(name, "0"))
        return found

    def applications(self) -> Sequence[Json]:
        """Each in its repository."""
        return [application(name, repository=self._repository(name)) for name in self.names]

    def change(self, name: str, version: str) -> tuple[str, Mapping[str, str]]:
        """Its directory, in its repository."""
        return self._repository(name), directory(name, version)

    def _repository(self, name: str) -> str:
        return f"{REPOSITORY}-{self.names.index(name) // PER_REPOSITORY:04d}"


class BasedFleet(Fleet):
    """Kustomize directories over bases, each of which many share."""

    way = "Kustomize directories over shared bases of one repository"

    @property
    def sharing(self) -> int:
        """Applications that share a base."""
        return max(1, min(SHARING, self.size // 4))

    def base_of(self, name: str) -> str:
        """The base of an Application."""
        return f"base-{self.names.index(name) // self.sharing:02d}"

    def files(self) -> Mapping[str, str]:
        """Bases, and a directory each that only names one."""
        bases = {self.base_of(name) for name in self.names}
        files = {path: text for base in bases for path, text in self.base(base, "0").items()}
        overlay = {
            f"apps/{name}/kustomization.yaml": kustomization(name, [f"../../bases/{self.base_of(name)}"])
            for name in self.names
        }
        return files | overlay

    def base(self, base: str, version: str) -> Mapping[str, str]:
        """The files of a base."""
        files = manifests("shared", version)
        files["kustomization.yaml"] = kustomization("", list(files))
        return {f"bases/{base}/{path}": text for path, text in files.items()}

    def sharers(self, base: str) -> Sequence[str]:
        """The Applications that share it."""
        return [name for name in self.names if self.base_of(name) == base]

    def map_of(self, name: str, version: str) -> Json:
        """The ConfigMap of an Application as rendered, at a version."""
        body = next(body for body in objects("shared", version) if body["metadata"]["name"] == MAP)
        return {**body, "metadata": {**body["metadata"], "namespace": name}}
