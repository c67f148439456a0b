"""From git's words to a cause, and to an error with a remedy."""

from __future__ import annotations

from typing import get_args

import pytest

from controller.errors import NotReady, Terminal, Transient, Unreachable
from controller.fetch import errors
from controller.fetch.errors import Cause, GitFailure
from controller.fetch.failure import error_of, failure_of
from controller.model.objects import Key
from controller.model.repository import Repository, RepositorySpec, SecretRef

SAID: list[tuple[str, Cause]] = [
    ("fatal: unable to access 'http://x/': Could not resolve host: x", "host"),
    ("fatal: unable to access 'http://x/': Failed to connect to x port 1 after 0 ms: Couldn't connect", "connection"),
    ("error: RPC failed; curl 28 Operation too slow. Less than 1000 bytes/sec transferred the last 20 s", "timeout"),
    ("fatal: Authentication failed for 'http://x/'", "password"),
    ("fatal: could not read Username for 'http://x': terminal prompts disabled", "login"),
    ("fatal: unable to access 'http://x/': The requested URL returned error: 403", "forbidden"),
    ("fatal: unable to access 'http://x/': The requested URL returned error: 503", "connection"),
    ("fatal: unable to access 'http://x/': The requested URL returned error: 302", "redirect"),
    ("remote: Not here.\nfatal: repository 'http://x/' not found", "missing"),
    ("fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.", "missing"),
    ("fatal: transport 'file' not allowed", "protocol"),
    ("fatal: unable to access 'https://x/': SSL certificate problem: self-signed certificate", "certificate"),
    ("fatal: remote error: upload-pack: not our ref aaaa", "object"),
    ("error: Server does not allow request for unadvertised object aaaa", "object"),
    ("error: write failed: No space left on device", "disk"),
    ("fatal: Out of memory, malloc failed (tried to allocate 9 bytes)", "size"),
    ("fatal: loose object aaaa (stored in x) is corrupt", "corrupt"),
    ("Host key verification failed.\nfatal: Could not read from remote repository.", "host key"),
    ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "host key"),
    ("git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.", "key"),
    ('Load key "/proc/1/fd/7": error in libcrypto', "key"),
    ("ssh: Could not resolve hostname x: Name or service not known", "host"),
    ("ssh: connect to host x port 22: Connection refused", "connection"),
    ("ssh: connect to host x port 22: Connection timed out", "timeout"),
    ("Timeout, server x not responding.", "timeout"),
    ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", "missing"),
    ("No user exists for uid 65532", "user"),
    ("fatal: unable to access 'https://x/': Could not resolve proxy: p", "proxy"),
    ("fatal: unable to access 'https://x/': Received HTTP code 407 from proxy after CONNECT", "proxy"),
    ("error: cannot run ssh: No such file or directory\nfatal: unable to fork", "no ssh"),
    ("error: cannot create async thread: Too many open files\nfatal: unable to fork", "descriptors"),
    ("fatal: protocol error: bad line length character: <htm", "nonsense"),
    ("fatal: https://x/info/refs not valid: is this a git repository?", "nonsense"),
    ("fatal: something new", "git"),
    ("", "git"),
]


@pytest.mark.parametrize(("said", "cause"), SAID)
def test_what_git_says_has_a_cause(said: str, cause: Cause) -> None:
    """Each cause is told from git's own words."""
    assert failure_of(said).cause == cause


def test_what_the_other_side_says_is_no_cause() -> None:
    """A server can't make us throw our mirror away."""
    assert failure_of("remote: fatal: loose object is corrupt\nfatal: protocol error").cause == "git"


def _repository(secret: str = "") -> Repository:
    reference = SecretRef(name=secret) if secret else None
    spec = RepositorySpec(url="https://git.example.org/shop.git", secret_ref=reference)
    return Repository(Key("team-pay", "shop"), "uid", 1, spec)


@pytest.mark.parametrize(
    ("cause", "kind", "fate"),
    [
        ("host", errors.HostUnknown, Unreachable),
        ("connection", errors.ConnectionFailed, Unreachable),
        ("timeout", errors.TimedOut, Unreachable),
        ("login", errors.AuthenticationFailed, Terminal),
        ("password", errors.AuthenticationFailed, Terminal),
        ("forbidden", errors.AuthenticationFailed, Terminal),
        ("missing", errors.RepositoryNotFound, Terminal),
        ("redirect", errors.UrlRefused, Terminal),
        ("protocol", errors.UrlRefused, Terminal),
        ("certificate", errors.UrlRefused, Terminal),
        ("size", errors.TooLarge, Terminal),
        ("corrupt", errors.MirrorCorrupt, Transient),
        ("disk", errors.DiskFull, Transient),
        ("object", errors.GitFailed, Transient),
        ("git", errors.GitFailed, Transient),
        ("no git", errors.GitMissing, Terminal),
    ],
)
def test_a_cause_has_a_fate_and_the_error_names_the_repository(
    cause: Cause, kind: type[Exception], fate: type[Exception]
) -> None:
    """The loop decides by fate, people by name and remedy."""
    error = error_of(GitFailure(cause, "git said so"), _repository("git-login"))

    assert isinstance(error, kind)
    assert isinstance(error, fate)
    assert not isinstance(error, NotReady)
    assert "team-pay/shop" in error.message


def test_the_remedy_for_a_refused_login_names_the_secret() -> None:
    """Where there is none, it says where to name one."""
    assert "Secret team-pay/git-login" in error_of(GitFailure("password", ""), _repository("git-login")).remedy
    assert "spec.secretRef" in error_of(GitFailure("login", ""), _repository()).remedy


def test_git_may_not_fill_the_log() -> None:
    """Control characters and endless lines are tamed."""
    failure = failure_of("fatal: \x1b[31m" + "x" * 10_000)

    assert "\x1b" not in failure.detail
    assert len(failure.detail) < 400


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_has_an_error_that_names_the_repository_and_a_class_of_its_own(cause: Cause) -> None:
    """What git says always becomes a fate."""
    for repository in (_repository(), _repository("login")):
        error = error_of(GitFailure(cause, "the detail"), repository)
        assert isinstance(error, Terminal | Transient)
        assert "Repository team-pay/shop" in error.message
