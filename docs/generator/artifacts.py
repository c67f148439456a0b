"""Every generated file and the function that gives its content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli import reference as cli
from docs.generator import chart, events, health, manifests, metrics, resources, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/settings.md": settings.page,
    "docs/reference/resources.md": resources.page,
    "docs/reference/events.md": events.page,
    "docs/reference/metrics.md": metrics.page,
    "docs/reference/health.md": health.page,
    "docs/reference/cli.md": cli.reference,
}


def artifacts(root: Path = ROOT) -> dict[Path, str]:
    """Path (relative to the checkout) and content of every generated file."""
    pages = {Path(path): page() for path, page in PAGES.items()}
    return pages | manifests.crd_files() | manifests.monitoring_files(root) | chart.files(root)


def stale(root: Path = ROOT) -> list[Path]:
    """The files that are not what they would be if they were written now, and those that nothing writes any more."""
    wanted = artifacts(root)
    written = {path for pattern in manifests.OWNED for path in root.glob(pattern)}
    orphans = [path.relative_to(root) for path in written if path.relative_to(root) not in wanted]
    return sorted([path for path, content in wanted.items() if _read(root / path) != content] + orphans)


def write(root: Path = ROOT) -> list[Path]:
    """Write what is stale; gives the paths that changed."""
    wanted = artifacts(root)
    changed = stale(root)
    for path in changed:
        if path not in wanted:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path], encoding="utf-8")
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
