"""People who sign commits and tags, with OpenPGP keys by gpg and SSH keys by ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.ground.git_repository import git
from tests.ground.git_ssh import make_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground.git_repository import Worktree


class SigningError(RuntimeError):
    """A key could not be made."""


class Signer:
    """Somebody with a key. `public` is what others check signatures with."""

    def __init__(self, name: str, public: str, config: dict[str, str], environment: dict[str, str]) -> None:
        self.name = name
        self.public = public
        self._config = config
        self._environment = environment

    @classmethod
    def openpgp(cls, name: str, home: Path, *, expires: str = "0") -> Signer:
        """Make an OpenPGP key in this new directory (short: gpg's agent has a socket in it)."""
        home.mkdir(mode=0o700, parents=True)
        if agent := shutil.which("gpg-agent"):  # it need not be where gpg was built to find it
            (home / "gpg.conf").write_text(f"agent-program {agent}\n", encoding="utf-8")
        user = f"{name} <{name}@shipslog.dev>"
        generate = ("--quick-gen-key", user, "ed25519", "sign", expires)
        _gpg(home, "--passphrase", "", "--pinentry-mode", "loopback", *generate)
        public = _gpg(home, "--armor", "--export", user)
        return cls(name, public, {"gpg.format": "openpgp", "user.signingKey": user}, {"GNUPGHOME": str(home)})

    @classmethod
    def ssh(cls, name: str, path: Path, *, kind: str = "ed25519") -> Signer:
        """Make an SSH key at this new path."""
        public = make_key(path, kind=kind)
        return cls(name, public + "\n", {"gpg.format": "ssh", "user.signingKey": str(path)}, {})

    def commit(self, work: Worktree, files: dict[str, str], message: str) -> str:
        """Commit these files, signed, and push; the commit."""
        for name, content in files.items():
            (work.path / name).write_text(content, encoding="utf-8")
        git("add", "--all", cwd=work.path)
        git(*self._options(), "commit", "-q", "-S", "--allow-empty", "-m", message, cwd=work.path, **self._environment)
        work.push()
        return work.head()

    def tag(self, work: Worktree, name: str) -> str:
        """Tag what is checked out, signed, and push the tag; the id of the tag."""
        git(*self._options(), "tag", "-s", "-m", name, name, cwd=work.path, **self._environment)
        work.push(name)
        return git("rev-parse", f"refs/tags/{name}", cwd=work.path)

    def _options(self) -> list[str]:
        return [part for name, value in self._config.items() for part in ("-c", f"{name}={value}")]


def stop_agent(home: Path) -> None:
    """End the agent that gpg left running for a key ring."""
    subprocess.run(
        ["gpgconf", "--homedir", str(home), "--kill", "all"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=20,
    )


def _gpg(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--quiet", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise SigningError(f"gpg {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
