from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.ground import prometheus
from tests.ground.prometheus import PrometheusError, PrometheusServer

SCRIPT = Path(prometheus.__file__).with_name("prometheus.sh")


def program(path: Path, text: str = "exit 0") -> None:
    """An executable of this shell text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def install(bin_dir: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Run the script with this PATH."""
    return subprocess.run(
        ["/bin/bash", SCRIPT, bin_dir],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what a shell script needs, and no package manager."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("mkdir", "flock", "ln", "date", "mktemp", "rm", "tail", "id"):
        found = subprocess.run(["/usr/bin/which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).symlink_to(found)
    return folder


def test_nothing_is_done_when_both_programs_are_there(tmp_path: Path, tools: Path) -> None:
    """It can be called before every run: no word, no network."""
    for name in ("prometheus", "promtool"):
        program(tmp_path / "bin" / name)

    done = install(tmp_path / "bin", str(tools))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_programs_on_the_path_are_used(tmp_path: Path, tools: Path) -> None:
    """Whoever has a Prometheus needs no package."""
    for name in ("prometheus", "promtool"):
        program(tmp_path / "own" / name)

    done = install(tmp_path / "bin", f"{tools}:{tmp_path / 'own'}")

    assert done.returncode == 0
    assert (tmp_path / "bin" / "promtool").resolve() == tmp_path / "own" / "promtool"


def test_without_a_package_manager_one_line_says_what_to_do(tmp_path: Path, tools: Path) -> None:
    """And nothing half done is left."""
    done = install(tmp_path / "bin", str(tools))

    assert done.returncode == 1
    assert done.stderr == (
        "prometheus: this is no Debian: put prometheus and promtool (2.42 or newer) on the PATH and try again\n"
    )


def test_a_download_that_fails_is_said_in_one_line_and_leaves_nothing(tmp_path: Path, tools: Path) -> None:
    """The package manager's last words are in it."""
    program(tools / "apt-get", "echo 'E: no network'; exit 100")
    program(tools / "dpkg-deb")

    done = install(tmp_path / "bin", str(tools))

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "E: no network" in done.stderr
    assert [path.name for path in (tmp_path / "bin").iterdir()] == [".prometheus.lock"]


def test_a_missing_program_is_named_with_the_command_that_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback of a FileNotFoundError."""
    monkeypatch.setattr(prometheus, "BIN", tmp_path)

    with pytest.raises(PrometheusError, match=r"no prometheus in .*: run tests/ground/prometheus.sh"):
        PrometheusServer.start(tmp_path, [])


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """Rules it can't read end it, and the reader sees why."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: x, rules: [{alert: A, expr: 'sum('}]}]", encoding="utf-8")

    with pytest.raises(PrometheusError, match=r"(?s)prometheus exited with 1.*parse error"):
        PrometheusServer.start(tmp_path / "server", [], rules=[rules])
