"""Git over SSH by a real `sshd` on loopback, which lets in whom a test names, for Git alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ground.eventually import eventually
from tests.ground.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

BIN = Path(__file__).resolve().parents[2] / ".tools" / "bin"
PACKAGES = BIN / "ssh-packages"
USER = "git"

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
PidFile none
AuthorizedKeysFile {home}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
"""


class SshError(RuntimeError):
    """The server did not start, or a key could not be made."""


def tools_on_path() -> None:
    """Let our children find commands that the machine has not where `tests/ground/ssh.sh` put them."""
    if str(BIN) not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += f":{BIN}"


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key pair at `path` and `path.pub`; its public line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
    if done.returncode:
        raise SshError(f"ssh-keygen: {done.stderr.strip()}")
    return path.with_name(f"{path.name}.pub").read_text(encoding="utf-8").strip()


class SshServer:
    """Serves the bare repositories below `root` to the keys of `authorize`. No method is for an event loop."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        self.host_key = make_key(home / "host")
        self.authorize()

    @property
    def known_hosts(self) -> str:
        """The line that names this server's host key."""
        kind, key, *_ = self.host_key.split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def url(self, name: str) -> str:
        """URL of a repository."""
        return f"ssh://{USER}@127.0.0.1:{self.port}{self.root}/{name}.git"

    def authorize(self, *keys: str) -> None:
        """Let these public keys in, and no other; from the next login on."""
        lines = "".join(f'restrict,command="{self._command()}" {key}\n' for key in keys)
        (self.home / "authorized_keys").write_text(lines, encoding="utf-8")

    def start(self) -> SshServer:
        """Listen.

        Raises:
            SshError: there is no sshd, or it did not start.
        """
        program = PACKAGES / "usr" / "sbin" / "sshd"
        if not program.exists():
            raise SshError(f"no sshd in {PACKAGES}: run tests/ground/ssh.sh .tools/bin")
        config = self.home / "sshd_config"
        config.write_text(_CONFIG.format(port=self.port, home=self.home), encoding="utf-8")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it shuts its own helpers in
        with (self.home / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", config],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, f"sshd answers (its log: {self.log()[-2000:]})", seconds=20)
        return self

    def stop(self) -> None:
        """Stop listening; who is connected stays so."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def log(self) -> str:
        """What it said so far."""
        return (self.home / "sshd.log").read_text(encoding="utf-8", errors="replace")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise SshError(f"sshd ended with {self._process.returncode}: {self.log()[-2000:]}")
        return f"Server listening on 127.0.0.1 port {self.port}" in self.log()

    def _environment(self) -> dict[str, str]:
        """Users of its own, so that none has to be made on this machine: `git` is whoever runs the test."""
        identity = f"{os.getuid()}:{os.getgid()}"
        users = f"{USER}:x:{identity}::{self.home}:/bin/sh\nsshd:x:65500:65500::/run/sshd:/usr/sbin/nologin\n"
        (self.home / "passwd").write_text(users, encoding="utf-8")
        (self.home / "group").write_text(f"{USER}:x:{os.getgid()}:\nsshd:x:65500:\n", encoding="utf-8")
        return {
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": ":".join(_libraries()),
            "LD_PRELOAD": str(next(PACKAGES.rglob("libnss_wrapper.so"))),
            "NSS_WRAPPER_PASSWD": str(self.home / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.home / "group"),
        }

    def _command(self) -> str:
        """What a login runs: Git's server, whatever was asked for."""
        script = self.home / "serve"
        script.write_text(
            '#!/bin/sh\nunset LD_PRELOAD LD_LIBRARY_PATH\ncase "$SSH_ORIGINAL_COMMAND" in\n'
            f'"git-upload-pack "*|"git-receive-pack "*) PATH="{os.environ["PATH"]}" GIT_CONFIG_COUNT=1 '
            "GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "
            'exec git-shell -c "$SSH_ORIGINAL_COMMAND" ;;\n*) exit 1 ;;\nesac\n',
            encoding="utf-8",
        )
        script.chmod(0o755)
        return str(script)


def _libraries() -> Sequence[str]:
    return sorted({str(path.parent) for path in PACKAGES.rglob("*.so*")})
