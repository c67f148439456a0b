"""Bare repositories and working copies by the real git command, cut off from the configuration of whoever runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AUTHOR = "shipslog demo <demo@shipslog.dev>"
CREDENTIALS = "http-credentials.json"
"""File inside a bare repository: the user and password, or the token, that the HTTP server asks for."""


class GitError(RuntimeError):
    """A git command failed; the message ends with what it said."""


def environment(**more: str) -> dict[str, str]:
    """An environment where git sees the repository's configuration only, never prompts, and commits as `AUTHOR`."""
    name, _, email = AUTHOR.rstrip(">").partition(" <")
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        **more,
    }


def git(*arguments: str, cwd: Path, **more: str) -> str:
    """Run git and return what it prints, stripped; `more` is added to its environment.

    Raises:
        GitError: it failed, or took over two minutes.
    """
    if shutil.which("git") is None:
        raise GitError("no 'git' on the PATH: install it (Debian: apt-get install git)")
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]}: no end after 120 s") from error
    if done.returncode:
        raise GitError(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True)
class BareRepository:
    """A bare repository that a server may serve.

    Attributes:
        path: Its directory, `NAME.git`.
        url: Over HTTP, without credentials.
        credentials: User and password that the HTTP server asks for, if it does.
    """

    path: Path
    url: str
    credentials: tuple[str, str] | None = None

    @classmethod
    def create(cls, path: Path, url: str, credentials: tuple[str, str] | None = None) -> BareRepository:
        """Make it, empty, with `main` for its branch."""
        path.mkdir(parents=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", cwd=path)
        git("config", "http.receivepack", "true", cwd=path)
        git("config", "uploadpack.allowFilter", "true", cwd=path)
        git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=path)
        if credentials:
            (path / CREDENTIALS).write_text(json.dumps(credentials), encoding="utf-8")
        return cls(path, url, credentials)

    def ask_for(self, credentials: tuple[str, str] | str | None) -> None:
        """From now on the HTTP server asks for this user and password, for this bearer token, or for nothing."""
        path = self.path / CREDENTIALS
        if credentials is None:
            path.unlink(missing_ok=True)
            return
        new = path.with_suffix(".new")  # the server may read it at this moment
        new.write_text(json.dumps(credentials), encoding="utf-8")
        new.replace(path)

    @property
    def file_url(self) -> str:
        """`file://...`."""
        return self.path.as_uri()

    @property
    def url_with_auth(self) -> str:
        """Over HTTP, with the credentials in it (none: the plain URL)."""
        if not self.credentials:
            return self.url
        user, password = (quote(part, safe="") for part in self.credentials)
        return self.url.replace("://", f"://{user}:{password}@", 1)

    def head(self, ref: str = "main") -> str:
        """The commit that a ref names here."""
        return git("rev-parse", "--verify", f"{ref}^{{commit}}", cwd=self.path)

    def worktree(self, path: Path, *, over: str = "file") -> Worktree:
        """A working copy at this new path, which pushes over `file` or `http`."""
        return Worktree.clone(self.file_url if over == "file" else self.url_with_auth, path)


class Worktree:
    """A working copy at `path`; nothing reaches the repository before `push`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def clone(cls, url: str, path: Path) -> Worktree:
        """A working copy of a repository, which may be empty."""
        path.parent.mkdir(parents=True, exist_ok=True)
        git("clone", "--quiet", url, str(path), cwd=path.parent)
        return cls(path)

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        message: str,
        *,
        author: str | None = None,
        when: str | None = None,
    ) -> str:
        """Write these files (None: delete), commit everything that changed, and return the commit.

        Args:
            files: Content by path in the repository.
            message: Of the commit.
            author: `Name <email>` (default: `AUTHOR`).
            when: Date of author and committer, as git reads one (default: now).
        """
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        git("add", "--all", cwd=self.path)
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        git("commit", "--quiet", "--allow-empty", f"--author={author or AUTHOR}", "-m", message, cwd=self.path, **dates)
        return self.head()

    def head(self) -> str:
        """The commit that is checked out."""
        return git("rev-parse", "HEAD", cwd=self.path)

    def push(self, *refs: str, force: bool = False) -> None:
        """Push these refs (default: the branch that is checked out)."""
        git("push", "--quiet", *(["--force"] if force else []), "origin", *(refs or ("HEAD",)), cwd=self.path)

    def publish(self, files: Mapping[str, str | bytes | None], message: str, *, author: str | None = None) -> str:
        """Commit and push; the commit."""
        commit = self.commit(files, message, author=author)
        self.push()
        return commit

    def revert(self, commit: str) -> str:
        """Take a commit back by a new one; the new commit."""
        git("revert", "--no-edit", commit, cwd=self.path)
        return self.head()

    def tag(self, name: str, *, message: str | None = None, force: bool = False) -> None:
        """Tag what is checked out: annotated when there is a message."""
        annotation = ["--annotate", "--message", message] if message else []
        git("tag", *(["--force"] if force else []), *annotation, name, cwd=self.path)

    def branch(self, name: str) -> None:
        """Switch to a branch, made here when it is new."""
        exists = git("branch", "--list", name, cwd=self.path)
        git("switch", "--quiet", *([] if exists else ["--create"]), name, cwd=self.path)

    def rewind(self, commit: str) -> None:
        """Make the branch end at this commit, as before rewriting history; push it with force."""
        git("reset", "--quiet", "--hard", commit, cwd=self.path)
