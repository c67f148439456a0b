"""The environment of git's processes: no configuration but ours, no prompt, no hook, and credentials for one host only.

Credentials stand in the environment of the child alone: never on a command line, in a URL or in a file. Git gets them
through a credential helper that is bound to the URL's scheme, host and port, so it does not ask it again when a
server redirects elsewhere (gitcredentials(7)); an `http.extraHeader` would follow the redirect.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from controller.model.repository import Credentials

_USERNAME = "SHIPSLOG_GIT_USERNAME"
_PASSWORD = "SHIPSLOG_GIT_PASSWORD"  # noqa: S105 - the variable's name

# `printf` is built into every sh: the values are on no command line. The operation (get, store, erase) is $1.
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USERNAME}" "${_PASSWORD}"; true; }}; f'

_BASE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
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
    return "http:https:file" if file_urls else "http:https"


def local(directory: Path) -> dict[str, str]:
    """For commands that only read or write the mirror: no protocol at all."""
    return {**_ours(), **_BASE, **_place(directory), **_numbered(_CONFIG), "GIT_ALLOW_PROTOCOL": "none"}


def remote(directory: Path, url: str, credentials: Credentials | None, *, file_urls: bool) -> dict[str, str]:
    """For commands that fetch from the server of `url` into the mirror.

    Raises:
        ValueError: the credentials hold a line break or a NUL character, which git's protocol for them can't carry.
    """
    config = dict(_CONFIG)
    environment = {**_ours(), **_BASE, **_place(directory), "GIT_ALLOW_PROTOCOL": protocols(file_urls=file_urls)}
    if credentials is not None:
        if any(mark in credentials.username + credentials.password for mark in "\n\r\0"):
            raise ValueError("username or password holds a line break or a NUL character")
        config[f"credential.{origin(url)}.helper"] = _HELPER
        environment[_USERNAME] = credentials.username
        environment[_PASSWORD] = credentials.password
    return {**environment, **_numbered(config)}


def origin(url: str) -> str:
    """Scheme, host and port of a URL: who gets its credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


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


def redacted(text: str, credentials: Credentials | None) -> str:
    """The text without the credentials, in any form in which a server might echo them."""
    if credentials is None:
        return text
    basic = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    for secret in (basic, credentials.password, quote(credentials.password, safe="")):
        if secret:
            text = text.replace(secret, "[redacted]")
    return text
