"""Git over file:// and over smart HTTP, by the real backend."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.ground.git_server import BareRepository, GitError, GitServer, Worktree, git

CHECKOUT = Path(__file__).resolve().parents[3]


def _filled(repository: BareRepository, path: Path) -> tuple[Worktree, str]:
    worktree = repository.worktree(path)
    return worktree, worktree.publish({"app/config.yaml": "kind: ConfigMap\n"}, "First")


@pytest.mark.parametrize("over", ["file", "http"])
def test_a_repository_is_cloned(git_server: GitServer, tmp_path: Path, over: str) -> None:
    """What was pushed comes out."""
    repository = git_server.create("shop")
    _, commit = _filled(repository, tmp_path / "work")
    url = repository.url if over == "http" else repository.file_url
    clone = Worktree.clone(url, tmp_path / "clone")
    assert clone.head() == commit == repository.head()
    assert (clone.path / "app/config.yaml").read_text(encoding="utf-8") == "kind: ConfigMap\n"


def test_a_repository_with_credentials_is_for_those_who_have_them(git_server: GitServer, tmp_path: Path) -> None:
    """None, wrong ones, and the right ones; with characters that a URL must quote."""
    repository = git_server.create("team/secret", credentials=("reader", "p@ss:w/rd"))
    _, commit = _filled(repository, tmp_path / "work")
    with pytest.raises(GitError):
        Worktree.clone(repository.url, tmp_path / "none")
    with pytest.raises(GitError, match="Authentication failed"):
        Worktree.clone(repository.url.replace("://", "://reader:wrong@"), tmp_path / "wrong")
    assert Worktree.clone(repository.url_with_auth, tmp_path / "right").head() == commit
    assert git_server.count("refused") >= 2


def test_a_repository_that_is_not_there_is_not_found(git_server: GitServer, tmp_path: Path) -> None:
    """Nor is anything beside the repositories."""
    for name in ("none.git", "../work.git", "%2e%2e/work.git"):
        with pytest.raises(GitError, match=r"not found|unable to update url"):
            git("ls-remote", f"{git_server.url}/{name}", cwd=tmp_path)


def test_a_push_over_http_arrives_also_when_it_is_large(git_server: GitServer, tmp_path: Path) -> None:
    """Git sends what is over a megabyte in chunks."""
    repository = git_server.create("big")
    worktree = repository.worktree(tmp_path / "work", over="http")
    noise = os.urandom(8 * 2**20)
    commit = worktree.publish({"noise": noise}, "Noise")
    assert repository.head() == commit
    clone = Worktree.clone(repository.url, tmp_path / "clone")
    assert (clone.path / "noise").read_bytes() == noise


def test_a_negotiation_with_many_commits_is_understood(git_server: GitServer, tmp_path: Path) -> None:
    """Git gzips a long list of what it has (with protocol 0; newer ones ask in small steps)."""
    repository = git_server.create("long")
    worktree, _ = _filled(repository, tmp_path / "work")
    clone = Worktree.clone(repository.url, tmp_path / "clone")
    for number in range(60):
        clone.commit({f"mine/{number}": str(number)}, f"Mine {number}")
    commit = worktree.publish({"theirs": "1"}, "Theirs")
    git("-c", "protocol.version=0", "fetch", "--quiet", "origin", cwd=clone.path)
    assert git("rev-parse", "origin/main", cwd=clone.path) == commit


def test_requests_are_counted_by_what_they_ask_for(git_server: GitServer, tmp_path: Path) -> None:
    """Asking for refs is no fetch: a test can tell that nothing was fetched."""
    repository, other = git_server.create("shop"), git_server.create("other")
    _filled(repository, tmp_path / "work")
    _filled(other, tmp_path / "other")
    git("ls-remote", repository.url, cwd=tmp_path)
    assert (git_server.count("ls-refs", "shop"), git_server.count("fetch", "shop")) == (1, 0)
    Worktree.clone(repository.url, tmp_path / "clone")
    assert git_server.count("fetch", "shop") == 1
    assert git_server.count("fetch", "other") == 0
    assert git_server.count("fetch") == 1


def test_a_revert_takes_a_commit_back(git_server: GitServer, tmp_path: Path) -> None:
    """History grows, content returns."""
    repository = git_server.create("shop")
    worktree, first = _filled(repository, tmp_path / "work")
    other = "another tool <tool@shipslog.dev>"
    bad = worktree.publish({"app/config.yaml": "broken", "app/new.yaml": "x"}, "Bad", author=other)
    reverted = worktree.revert(bad)
    worktree.push()
    assert repository.head() == reverted
    assert git("rev-parse", f"{first}^{{tree}}", cwd=worktree.path) == git(
        "rev-parse", "HEAD^{tree}", cwd=worktree.path
    )
    authors = git("log", "--format=%an", "--reverse", cwd=worktree.path).split("\n")
    assert authors == ["shipslog demo", "another tool", "shipslog demo"]


def test_branches_tags_deletions_and_rewritten_history_are_pushed(git_server: GitServer, tmp_path: Path) -> None:
    """All that a controller must notice."""
    repository = git_server.create("shop")
    worktree, first = _filled(repository, tmp_path / "work")
    second = worktree.publish({"app/config.yaml": None, "other": "1"}, "Delete")
    assert git("ls-tree", "-r", "--name-only", "main", cwd=repository.path) == "other"
    worktree.tag("v1", message="One")
    worktree.branch("next")
    third = worktree.commit({"other": "2"}, "Next")
    worktree.push("next", "v1")
    assert (repository.head("v1"), repository.head("next")) == (second, third)
    worktree.branch("main")
    worktree.rewind(first)
    rewritten = worktree.commit({"other": "3"}, "Other past")
    with pytest.raises(GitError, match=r"rejected|non-fast-forward"):
        worktree.push()
    worktree.push(force=True)
    assert repository.head() == rewritten


def test_a_stopped_server_comes_back_on_the_same_port(git_server: GitServer, tmp_path: Path) -> None:
    """As one that is restarted."""
    repository = git_server.create("shop")
    _filled(repository, tmp_path / "work")
    git_server.stop()
    with pytest.raises(GitError, match=r"Failed to connect|Connection refused|Couldn't connect"):
        git("ls-remote", repository.url, cwd=tmp_path)
    git_server.start()
    assert "refs/heads/main" in git("ls-remote", repository.url, cwd=tmp_path)


def test_an_answer_hangs_until_it_is_released(git_server: GitServer, tmp_path: Path) -> None:
    """A server that stalls in the middle of a pack."""
    repository = git_server.create("big")
    repository.worktree(tmp_path / "work").publish({"noise": os.urandom(2**20)}, "Noise")
    git_server.stall_after(100_000)
    done = threading.Event()

    def clone() -> None:
        Worktree.clone(repository.url, tmp_path / "clone")
        done.set()

    thread = threading.Thread(target=clone)
    thread.start()
    assert not done.wait(1)
    git_server.resume()
    assert done.wait(20)
    thread.join()


def test_stopping_cuts_an_answer_that_hangs(git_server: GitServer, tmp_path: Path) -> None:
    """The client hears of it at once."""
    repository = git_server.create("big")
    repository.worktree(tmp_path / "work").publish({"noise": os.urandom(2**20)}, "Noise")
    git_server.stall_after(100_000)
    timer = threading.Timer(0.5, git_server.stop)
    timer.start()
    with pytest.raises(GitError):
        Worktree.clone(repository.url, tmp_path / "clone")
    timer.join()


def test_a_server_is_kept_running_by_hand(tmp_path: Path) -> None:
    """Up prints its URL, create one of a repository, down ends it."""

    def command(*arguments: str) -> str:
        argv = [sys.executable, "-m", "tests.ground.git_server", *arguments, "--root", str(tmp_path / "git")]
        done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    try:
        url = command("up")
        assert command("up") == url
        repository = command("create", "shop", "--credentials", "reader:secret")
        assert repository == f"{url}/shop.git"
        with_auth = repository.replace("://", "://reader:secret@")
        worktree = Worktree.clone(with_auth, tmp_path / "work")
        commit = worktree.publish({"file": "1"}, "First")
        assert git("ls-remote", with_auth, "refs/heads/main", cwd=tmp_path).split()[0] == commit
    finally:
        command("down")
    with pytest.raises(GitError):
        git("ls-remote", with_auth, cwd=tmp_path)
