"""What can go wrong between us and Git, and the fate of each cause.

```text
Terminal                     until the spec, the Secret or the repository's content changes
├── AuthenticationFailed     the server wants credentials, or other ones
├── HostKeyRefused           the server is not the one that known_hosts names
├── SecretUnusable           a Secret that the Repository names is missing or incomplete
├── SignatureRefused         a revision without a good signature by one of the keys of spec.verify
├── RepositoryNotFound       nothing there by this URL
├── UrlRefused               a protocol or redirect that we don't follow
├── NameRefused              no valid name of a branch or tag
├── TooLarge                 the repository, a file, or the number of files
├── TreeRefused              names in a commit that no file system could hold
├── PointerRefused           a file that Git LFS keeps elsewhere
├── PathNotFound             the commit has no such path
└── GitMissing               there is no git to run
Transient
├── Unreachable              (of controller.errors)
│   ├── HostUnknown  ConnectionFailed  TimedOut
├── MirrorCorrupt            the mirror lost objects; it is thrown away and fetched again
├── DiskFull
└── GitFailed                anything else that git says
NotReady
├── RefNotFound              no such branch or tag yet
├── CommitNotFound           the server has no such commit yet
└── NotPolled                the Repository is unknown here, or suspended before anything was fetched
```
"""

from __future__ import annotations

from typing import Literal

from controller.errors import NotReady, Terminal, Transient, Unreachable

Cause = Literal[
    "host",
    "connection",
    "timeout",
    "login",
    "password",
    "secret",
    "key",
    "host key",
    "client certificate",
    "verifier",
    "user",
    "no ssh",
    "proxy",
    "forbidden",
    "missing",
    "redirect",
    "protocol",
    "certificate",
    "object",
    "corrupt",
    "absent",
    "size",
    "disk",
    "descriptors",
    "url",
    "record",
    "nonsense",
    "stopped",
    "no git",
    "git",
]


class GitFailure(Exception):
    """A git command failed: raised inside this room only, where nobody knows yet which Repository it is about."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause: Cause = cause
        self.detail = detail


class AuthenticationFailed(Terminal):
    """The server wants credentials, or other ones than we have."""


class HostKeyRefused(Terminal):
    """The SSH server shows another key than known_hosts has for it, or known_hosts has none."""


class SecretUnusable(Terminal):
    """A Secret that the Repository names is missing, or not as it must be."""


class SignatureRefused(Terminal):
    """A revision that does not carry the signatures that the Repository asks for."""


class RepositoryNotFound(Terminal):
    """The server has no repository by this URL, or hides it from us."""


class UrlRefused(Terminal):
    """The URL's protocol is not allowed, its certificate is not trusted, or it redirects where we don't follow."""


class NameRefused(Terminal):
    """The name of a branch or tag that Git itself would not accept."""


class TooLarge(Terminal):
    """The repository, a file or a directory is larger than its limit."""


class TreeRefused(Terminal):
    """A directory of a commit holds names that we hand to nobody."""


class PointerRefused(Terminal):
    """A file of which Git holds a pointer only: Git LFS keeps the content on another server."""


class PathNotFound(Terminal):
    """The commit has nothing, or something else, at the path."""


class GitMissing(Terminal):
    """There is no git to run."""


class HostUnknown(Unreachable):
    """The server's name has no address."""


class ConnectionFailed(Unreachable):
    """The server refused or broke the connection, or has an error of its own."""


class TimedOut(Unreachable):
    """The server did not finish its answer in time."""


class MirrorCorrupt(Transient):
    """The mirror lost objects; it is thrown away and fetched again."""


class DiskFull(Transient):
    """There is no room for the mirror."""


class GitFailed(Transient):
    """Git failed in a way that we have no name for."""


class RefNotFound(NotReady):
    """There is no such branch or tag; it may be pushed later."""


class CommitNotFound(NotReady):
    """The server has no such commit; it may be pushed later."""


class NotPolled(NotReady):
    """Nothing is known of the Repository yet."""
