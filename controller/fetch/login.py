"""What git and ssh are told about a server's login, over HTTP and over SSH.

Secrets stand in the environment of the child alone, or in files that are in memory only: never on a command line, in a
URL, or on a disk. A password goes through a credential helper that is bound to the URL's scheme, host and port, so git
does not ask it again when a server redirects elsewhere (gitcredentials(7)). A token goes into a header, which would
follow a redirect: with a token none is followed.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from controller.fetch.errors import GitFailure

if TYPE_CHECKING:
    from controller.fetch.memfile import MemoryFiles
    from controller.model.repository import Credentials, Proxy

_USERNAME = "SHIPSLOG_GIT_USERNAME"
_PASSWORD = "SHIPSLOG_GIT_PASSWORD"  # noqa: S105 - the variable's name

# `printf` is built into every sh: the values are on no command line. The operation (get, store, erase) is $1.
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USERNAME}" "${_PASSWORD}"; true; }}; f'
_ASKPASS = f'#!/bin/sh\nprintf "%s\\n" "${_PASSWORD}"\n'

# No configuration but this, no agent, no other key, no forwarding, nothing executed; an unknown host is an error.
_SSH = (
    "ssh -F /dev/null -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no "
    "-o CheckHostIP=no -o IdentitiesOnly=yes -o IdentityAgent=none -o PreferredAuthentications=publickey "
    "-o ClearAllForwardings=yes -o ForwardAgent=no -o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none "
    "-o NumberOfPasswordPrompts=1 -o LogLevel=ERROR -o ConnectTimeout=20 -o ServerAliveInterval=10 "
    "-o ServerAliveCountMax=2"
)


class Login(NamedTuple):
    """Configuration of git, and variables of its environment."""

    config: dict[str, str]
    variables: dict[str, str]


def login(url: str, credentials: Credentials, files: MemoryFiles) -> Login:
    """How to log in at the server of `url`; the files must be there until the conversation's end.

    Raises:
        ValueError: the credentials hold a line break or a NUL character where git can't carry one.
    """
    single = (credentials.username, credentials.password, credentials.bearer_token)
    if any(mark in text for text in single for mark in "\n\r\0"):
        raise ValueError("username, password or bearerToken holds a line break or a NUL character")
    if url.startswith("ssh://"):
        return _ssh(credentials, files)
    return _http(url, credentials, files)


def check_url(url: str) -> None:
    """Refuse what no server can be asked by.

    Raises:
        GitFailure: `url`: its host is none (RFC 3986, 3.2.2), or its port is no number.
    """
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise GitFailure("url", str(error)) from None


def origin(url: str) -> str:
    """Scheme, host and port of a URL: who gets its credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def redacted(text: str, credentials: Credentials | None) -> str:
    """The text without the credentials, in any form in which a server might echo them."""
    if credentials is None:
        return text
    basic = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    secrets = [basic, *(form for secret in credentials.secrets for form in (secret, quote(secret, safe="")))]
    for secret in secrets if credentials.username else secrets[1:]:
        text = text.replace(secret, "[redacted]")
    return text


def _http(url: str, credentials: Credentials, files: MemoryFiles) -> Login:
    config: dict[str, str] = {}
    variables: dict[str, str] = {}
    if credentials.bearer_token:
        config["http.extraHeader"] = f"Authorization: Bearer {credentials.bearer_token}"
        config["http.followRedirects"] = "false"
    elif credentials.username or credentials.password:
        config[f"credential.{origin(url)}.helper"] = _HELPER
        variables = {_USERNAME: credentials.username, _PASSWORD: credentials.password}
    if credentials.authorities:
        variables["GIT_SSL_CAINFO"] = files.add("ca.crt", credentials.authorities)
    if credentials.certificate:
        variables["GIT_SSL_CERT"] = files.add("tls.crt", credentials.certificate)
        variables["GIT_SSL_KEY"] = files.add("tls.key", credentials.certificate_key)
    if credentials.proxy is not None:
        config["http.proxy"] = _with_login(credentials.proxy)
        variables |= {"NO_PROXY": "", "no_proxy": ""}
    return Login(config, variables)


def _with_login(proxy: Proxy) -> str:
    if not proxy.username:
        return proxy.address
    user = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@"
    return proxy.address.replace("://", f"://{user}", 1)


def _ssh(credentials: Credentials, files: MemoryFiles) -> Login:
    identity = files.add("identity", credentials.identity.rstrip() + "\n")
    hosts = files.add("known_hosts", credentials.known_hosts.rstrip() + "\n")
    command = f"{_SSH} -o IdentityFile={identity} -o UserKnownHostsFile={hosts}"
    variables = {"GIT_SSH_VARIANT": "ssh", "SSH_AUTH_SOCK": ""}
    if credentials.password:
        # ssh asks a program for the key's passphrase; with nobody to ask it does not.
        askpass = files.add("askpass", _ASKPASS, program=True)
        variables |= {_PASSWORD: credentials.password, "SSH_ASKPASS": askpass, "SSH_ASKPASS_REQUIRE": "force"}
    else:
        command += " -o BatchMode=yes"
    return Login({}, variables | {"GIT_SSH_COMMAND": command})
