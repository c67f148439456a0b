"""The environment of git's processes: no configuration but ours, no prompt, no hook, and one server's login."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from controller.fetch.login import Login

if TYPE_CHECKING:
    from pathlib import Path

_BASE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "false",  # unless a login has its own
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TRACE_REDACT": "1",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
    "GIT_NAMESPACE": "",
}

_CONFIG = {
    "protocol.version": "2",
    "http.lowSpeedLimit": "1000",  # bytes per second ...
    "http.lowSpeedTime": "20",  # ... for so many seconds is a stalled server
    "http.followRedirects": "initial",
    "credential.helper": "",  # empties the list
    "credential.useHttpPath": "false",
    "core.askPass": "",
    "core.hooksPath": "/dev/null",
    "core.fsync": "none",  # a mirror may be lost at any time
    "core.bigFileThreshold": "16m",  # larger blobs are streamed, not held in memory
    "core.packedGitWindowSize": "32m",
    "core.packedGitLimit": "512m",
    "pack.threads": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.unpackLimit": "1",  # a fetch is one pack, whose size we can watch
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}


def protocols(*, file_urls: bool) -> str:
    """The value of GIT_ALLOW_PROTOCOL."""
    return "http:https:ssh:file" if file_urls else "http:https:ssh"


def local(directory: Path) -> dict[str, str]:
    """For commands that only read or write the mirror: no protocol at all."""
    return {**_ours(), **_BASE, **_place(directory), **_numbered(_CONFIG), "GIT_ALLOW_PROTOCOL": "none"}


def remote(directory: Path, login: Login | None, *, file_urls: bool) -> dict[str, str]:
    """For commands that fetch from a server into the mirror; `login`: None where the server asks for none."""
    login = login or Login({}, {})
    return {
        **_ours(),
        **_BASE,
        **_place(directory),
        **login.variables,
        **_numbered(_CONFIG | login.config),
        "GIT_ALLOW_PROTOCOL": protocols(file_urls=file_urls),
    }


def _ours() -> dict[str, str]:
    """Our own settings, emptied: git need not know the ledger's password."""
    return {name: "" for name in os.environ if name.startswith("SHIPSLOG_")}


def _place(directory: Path) -> dict[str, str]:
    """Where the mirror is: git neither searches for a repository nor minds who owns a volume's directories."""
    return {"GIT_DIR": str(directory), "GIT_OBJECT_DIRECTORY": str(directory / "objects")}


def _numbered(config: dict[str, str]) -> dict[str, str]:
    """Configuration as git reads it from the environment (git-config(1), GIT_CONFIG_COUNT)."""
    numbered = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        numbered[f"GIT_CONFIG_KEY_{number}"] = key
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return numbered
