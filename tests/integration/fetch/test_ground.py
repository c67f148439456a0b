"""The SSH server of the tests is found, fetched, or asked for in one line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.ground import git_ssh
from tests.ground.git_ssh import SshError, SshServer, tools_on_path

SCRIPT = Path(git_ssh.__file__).with_name("ssh.sh")


def _program(path: Path, text: str = "exit 0") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _install(bin_dir: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", SCRIPT, bin_dir],
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what a shell script needs: no package manager, no ssh, no gpg."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("mkdir", "flock", "ln", "date", "mktemp", "rm", "tail", "id"):
        found = subprocess.run(["/usr/bin/which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).symlink_to(found)
    _program(folder / "find", "exit 0")  # finds no library of an installed server
    return folder


def test_nothing_is_done_when_all_is_there(tmp_path: Path, tools: Path) -> None:
    """It can be called before every run: no word, no network."""
    _program(tmp_path / "bin" / "ssh-packages" / "usr" / "sbin" / "sshd")
    for name in ("ssh", "ssh-keygen", "ssh-keyscan", "gpg"):
        _program(tmp_path / "bin" / name)

    done = _install(tmp_path / "bin", tools)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_package_manager_one_line_says_what_to_do(tmp_path: Path, tools: Path) -> None:
    """And nothing half done is left."""
    done = _install(tmp_path / "bin", tools)

    assert done.returncode == 1
    assert done.stderr == (
        "ssh: this is no Debian: install openssh-server, openssh-client, libnss-wrapper and gnupg and try again\n"
    )


def test_a_download_that_fails_is_said_in_one_line_and_leaves_nothing(tmp_path: Path, tools: Path) -> None:
    """The package manager's last words are in it."""
    _program(tools / "apt-get", "echo 'E: no network'; exit 100")
    _program(tools / "dpkg-deb")

    done = _install(tmp_path / "bin", tools)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "E: no network" in done.stderr
    assert [path.name for path in (tmp_path / "bin").iterdir()] == [".ssh.lock"]


def test_a_missing_server_is_named_with_the_command_that_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback of a FileNotFoundError."""
    tools_on_path()
    monkeypatch.setattr(git_ssh, "PACKAGES", tmp_path)

    with pytest.raises(SshError, match=r"no sshd in .*: run tests/ground/ssh.sh"):
        SshServer(tmp_path, tmp_path / "home").start()
