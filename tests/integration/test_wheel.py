"""The wheel: it carries the engine and the migrations, and says what is missing when it does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: yes}\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel built from a copy of the project unpacks to, away from the checkout."""
    source = tmp_path_factory.mktemp("source") / "shipslog"
    wanted = ("pyproject.toml", "README.md", "LICENSE", "controller", "alembic")
    for name in wanted:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            source.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, source / name)
    binary = source / "controller" / "render" / "bin" / "shipslog-render"
    binary.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / ".tools" / "bin" / "shipslog-render", binary)
    dist = source / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(source)],
        check=True,
        capture_output=True,
        timeout=110,
    )
    (wheel,) = dist.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    # pip is what sets the mode of a program in a wheel.
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return target


def _run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "controller", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": str(installed)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_wheel_renders_with_the_engine_it_carries(installed: Path, tmp_path: Path) -> None:
    """Installed anywhere, it needs no checkout."""
    (tmp_path / "a.yaml").write_text(MANIFEST, encoding="utf-8")

    done = _run(installed, "render", ".", "--output", "json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["data"] == {"x": True}


def test_the_wheel_carries_the_migrations_and_not_the_engines_sources(installed: Path) -> None:
    """`shipslog migrate` works from the wheel; Go files stay at home."""
    names = {str(path.relative_to(installed)) for path in installed.rglob("*")}

    assert any(name.startswith("controller/record/migrations/versions/") for name in names)
    assert not any(name.endswith(".go") for name in names)


def test_without_an_engine_the_error_says_how_to_build_it(installed: Path, tmp_path: Path) -> None:
    """One line, with the remedy."""
    bare = tmp_path / "bare"
    shutil.copytree(installed, bare)
    (bare / "controller" / "render" / "bin" / "shipslog-render").unlink()
    (tmp_path / "a.yaml").write_text(MANIFEST, encoding="utf-8")

    done = _run(bare, "render", ".", cwd=tmp_path)

    assert done.returncode == 3
    assert "make setup" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_wheel_has_no_leftovers_of_a_build(installed: Path) -> None:
    """No stamp or lock of the build, no caches."""
    leftovers = [path for path in installed.rglob("*") if path.name.startswith(".shipslog") or path.suffix == ".lock"]
    assert leftovers == []
