"""From what git prints to a cause, and from a cause to an error that names the Repository and the remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from controller.errors import ShipslogError, Terminal, Transient
from controller.fetch import errors
from controller.fetch.errors import Cause, GitFailure

if TYPE_CHECKING:
    from controller.model.repository import Repository

LONGEST = 300
"""Characters of git's own words in an error."""

# The first match wins. Texts of git 2.30 to 2.52 and of libcurl, in the C locale.
_CAUSES: dict[Cause, tuple[str, ...]] = {
    "no ssh": ("cannot run ssh", r"\bssh: (command )?not found"),
    "user": ("no user exists for uid",),
    "proxy": (
        "could not resolve proxy",
        "from proxy after connect",
        "proxy connect aborted",
        "connect tunnel failed",
        "returned error: 407",
    ),
    "host": ("could not resolve host",),
    "host key": ("host key verification failed", "remote host identification has changed", "no .* host key is known"),
    "key": (
        r"permission denied \(",
        "load key .*(invalid format|error in libcrypto|incorrect passphrase|bad permissions)",
        "too many authentication failures",
    ),
    "client certificate": (
        "certificate (is )?required",
        "alert.*(bad|unknown|unsupported|expired) certificate",
        "bad certificate",
        "tls fatal alert",  # all that GnuTLS tells of a server that refuses us
        "unable to set private key",
        "(could not load|problem with the local|error reading).*(certificate|key)",
    ),
    "timeout": ("operation too slow", "timed out", "timeout, server .* not responding", "timeout was reached"),
    "password": ("authentication failed for", "returned error: 401"),
    "login": ("could not read (username|password)", "terminal prompts disabled"),
    "forbidden": ("returned error: 403",),
    "missing": ("repository .*not found", "returned error: (404|410)", "does not appear to be a git repository"),
    "redirect": (r"returned error: 3\d\d", "unable to update url base from redirection", "maximum .*redirects"),
    "protocol": ("transport '.*' not allowed", "unsupported protocol", "protocol .* not supported"),
    "certificate": ("certificate", "ssl:", "tls connect error"),
    "nonsense": ("bad line length", "invalid server response", "not valid: is this a git repo"),
    "descriptors": ("too many open files",),
    "connection": (
        "failed to connect",
        "couldn't connect",
        "could not connect",
        "getpeername.* failed",  # libcurl says this of a proxy that is away
        "connection (refused|reset)",
        "no route to host",
        "network is unreachable",
        "empty reply",
        "hung up unexpectedly",
        "early eof",
        "unexpected disconnect",
        "(recv|send) failure",
        "transfer closed",
        "rpc failed",
        r"returned error: (429|5\d\d)",
    ),
    "object": ("not our ref", "unadvertised object", "couldn't find remote ref"),
    "disk": ("no space left on device", "disk quota exceeded", "read-only file system"),
    "size": ("out of memory", "file too large"),
    "corrupt": (
        "not a git repository",
        "bad (index|object|pack|tree|commit|blob)",
        "corrupt",
        "inflate",
        "packfile",
        "unable to (read|open)",
        "did not send all necessary objects",
        "missing (blob|tree|commit|tag|object)",
        "index-pack",
        "unresolved delta",
    ),
}
_PATTERNS = tuple((cause, re.compile("|".join(texts), re.IGNORECASE)) for cause, texts in _CAUSES.items())


def failure_of(stderr: str) -> GitFailure:
    """The failure behind what a failed git command printed (already without secrets)."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("Please make sure")]
    # What the other side says is told, but a cause is only read from git's own words.
    ours = [line for line in lines if not line.startswith("remote:") or "not our ref" in line]
    text = "\n".join(ours)
    for cause, pattern in _PATTERNS:
        if found := pattern.search(text):
            line = text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0]
            return GitFailure(cause, printable(line))
    return GitFailure("git", printable(" / ".join(lines) or "it said nothing"))


def printable(text: str, longest: int = LONGEST) -> str:
    """The text on one line, without control characters, cut to its first characters."""
    text = "".join(c if c.isprintable() else " " for c in text.strip())
    return text if len(text) <= longest else text[:longest] + "..."


_Fate = tuple[type[Terminal] | type[Transient], str, str]

_FATES: dict[Cause, _Fate] = {
    "host": (errors.HostUnknown, "the host of spec.url is unknown", "check spec.url and the cluster's DNS"),
    "connection": (errors.ConnectionFailed, "the server can't be reached", "check that it runs and answers spec.url"),
    "timeout": (errors.TimedOut, "the server did not answer in time", "raise spec.timeout if it is only slow"),
    "redirect": (errors.UrlRefused, "spec.url redirects elsewhere", "put the final URL into spec.url"),
    "proxy": (errors.ConnectionFailed, "the proxy refuses or does not answer", "check spec.proxySecretRef's Secret"),
    "certificate": (
        errors.UrlRefused,
        "the server's certificate is not trusted",
        "put its authority's certificate into ca.crt of spec.secretRef's Secret",
    ),
    "missing": (errors.RepositoryNotFound, "there is no repository at spec.url", "check spec.url"),
    "corrupt": (errors.MirrorCorrupt, "its mirror lost objects", "it is fetched again by itself"),
    "absent": (errors.MirrorCorrupt, "its mirror made room for others", "it is fetched again by itself"),
    "disk": (errors.DiskFull, "there is no room for its mirror", "enlarge the volume of the mirrors"),
    "nonsense": (errors.GitFailed, "what answers at spec.url does not speak Git", "check spec.url"),
    "descriptors": (
        errors.GitFailed,
        "the controller may open no more files",
        "raise the limit of its open files (ulimit -n), or spread its Applications over more controllers",
    ),
    "url": (errors.UrlRefused, "spec.url is no URL", "correct it"),
    "record": (errors.GitFailed, "its history was rewritten, and that can't be recorded yet", "see to the ledger"),
    "size": (errors.TooLarge, "it is larger than a mirror may be", "split the repository or raise the limit"),
    "stopped": (errors.GitFailed, "the controller is stopping", ""),
    "no git": (errors.GitMissing, "there is no git to run", "install git 2.36 or newer"),
    "no ssh": (errors.GitMissing, "there is no ssh to run", "install openssh-client beside git"),
    "user": (
        errors.GitMissing,
        "ssh does not run for a user without a name",
        "give the user of the controller's container a line in /etc/passwd",
    ),
    "verifier": (errors.GitMissing, "signatures can't be checked", "install gnupg and openssh-client beside git"),
    "object": (errors.GitFailed, "the server's refs changed while we fetched", "it is tried again by itself"),
    "git": (errors.GitFailed, "git failed", ""),
}


def error_of(failure: GitFailure, repository: Repository) -> ShipslogError:
    """The failure as an error about this Repository, with the remedy."""
    if failure.cause in {"login", "password", "forbidden", "key", "client certificate"}:
        return _authentication(failure, repository)
    if failure.cause == "host key":
        return _host_key(failure, repository)
    if failure.cause == "secret":
        detail, _, remedy = failure.detail.partition("\n")
        return errors.SecretUnusable(f"Repository {repository.key}: {detail}", remedy=remedy)
    if failure.cause == "protocol":
        return _protocol(repository)
    kind, what, remedy = _FATES[failure.cause]
    return kind(f"Repository {repository.key}: {what}: {failure.detail}", remedy=remedy)


def _authentication(failure: GitFailure, repository: Repository) -> ShipslogError:
    secret = repository.spec.secret_ref
    head = f"Repository {repository.key}"
    if secret is None:
        return errors.AuthenticationFailed(
            f"{head}: the server wants credentials: {failure.detail}",
            remedy="name a Secret with username and password, or bearerToken, in spec.secretRef",
        )
    where = f"Secret {repository.key.namespace}/{secret.name}"
    if failure.cause == "forbidden":
        return errors.AuthenticationFailed(
            f"{head}: the server forbids reading: {failure.detail}",
            remedy=f"let the user of {where} read the repository",
        )
    what, remedy = {
        "key": ("the key", "give the public key of identity to the server, or correct identity and password"),
        "client certificate": ("our side of TLS, where it may ask for a certificate", "correct tls.crt and tls.key"),
    }.get(failure.cause, ("the credentials", "correct username and password, or bearerToken,"))
    return errors.AuthenticationFailed(
        f"{head}: the server does not accept {what}: {failure.detail}", remedy=f"{remedy} in {where}"
    )


def _host_key(failure: GitFailure, repository: Repository) -> ShipslogError:
    secret = repository.spec.secret_ref
    where = f"Secret {repository.key.namespace}/{secret.name}" if secret else "the Secret of spec.secretRef"
    return errors.HostKeyRefused(
        f"Repository {repository.key}: the server's host key is not the one of known_hosts: {failure.detail}",
        remedy=f"make sure by another way that its key is right, then put it into known_hosts in {where}",
    )


def _protocol(repository: Repository) -> ShipslogError:
    scheme = repository.spec.url.partition(":")[0]
    remedy = "set SHIPSLOG_ALLOW_FILE_URLS=true, or use https://" if scheme == "file" else "use https:// in spec.url"
    return errors.UrlRefused(f"Repository {repository.key}: spec.url uses {scheme}://, not allowed here", remedy=remedy)
