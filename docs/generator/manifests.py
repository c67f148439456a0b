"""The CustomResourceDefinitions as the chart's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from controller.model.crds import crds

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = "helm/shipslog/files"
OWNED = (f"{FILES}/crds/*.yaml", f"{FILES}/rules/*.yaml", f"{FILES}/dashboards/*.json")
"""Where every file is generated: what nothing writes any more is stale."""

HEADER = "# Generated from controller/model by `python -m docs.generator`: do not edit.\n"


def crd_files() -> dict[Path, str]:
    """One file a kind, named for its plural."""
    return {Path(FILES, "crds", f"{crd['spec']['names']['plural']}.yaml"): HEADER + dump(crd) for crd in crds()}


def monitoring_files(root: Path) -> dict[Path, str]:
    """Alert rules and dashboards, copied: a chart reads nothing outside of its directory."""
    rules = {Path(FILES, "rules", path.name): path for path in (root / "dashboards").glob("*.yaml")}
    boards = {Path(FILES, "dashboards", path.name): path for path in (root / "dashboards").glob("*.json")}
    return {copy: path.read_text(encoding="utf-8") for copy, path in (rules | boards).items()}


def dump(document: Mapping[str, Any]) -> str:
    """YAML in the order given, without anchors."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Repeats what occurs twice instead of pointing at it."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True
