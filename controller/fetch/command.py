"""One git process at a time, started through GitPython, bounded in time, output and memory, ended with its group."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

# Without this GitPython raises at import where there is no git; we say so when one is needed.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import git
from git.exc import GitCommandNotFound

from controller.fetch.errors import GitFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

MEMORY = 3 << 30
"""Address space of one git process, in bytes: a hostile pack of deltas can ask for any amount."""
OUTPUT = 64 << 20
"""Bytes that a command may print: 64 MiB are about a million refs."""
_STDERR = 64 << 10
_GRACE = 1.0  # seconds between SIGTERM, by which git removes its locks and reaps its children, and SIGKILL
_TICK = 0.2  # seconds between two looks at the mirror's size


class Output(NamedTuple):
    """What a command left."""

    code: int
    stdout: bytes
    stderr: str


class Command:
    """Runs git in one directory. Used on one thread; only `stop` may be called from others.

    GitPython is not thread-safe: every thread has a Command, and so a `git.Git`, of its own.
    """

    def __init__(self, directory: Path) -> None:
        self._git = git.Git(directory)
        self._stopped, self._stop = os.pipe()
        os.set_blocking(self._stop, False)

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        seconds: float,
        *,
        lines: Sequence[str] = (),
        watch: Callable[[], None] | None = None,
    ) -> Output:
        """Run git with these arguments, at most `seconds` long.

        Args:
            arguments: After `git`.
            environment: Added to ours.
            seconds: Deadline of the whole process group.
            lines: Its standard input.
            watch: Called a few times per second; what it raises ends the command.

        Raises:
            GitFailure: `timeout`, `git` (more than 64 MiB of output), `stopped` or `no git`.
        """
        with _input(lines) as stdin:
            process = start(self._git, arguments, environment, stdin)
        try:
            return self._converse(process, time.monotonic() + seconds, watch)
        except subprocess.TimeoutExpired:
            raise GitFailure("timeout", f"git {arguments[0]} had no end after {seconds:g} s") from None
        finally:
            end(process)

    def stop(self) -> None:
        """End the command that runs, and every later one."""
        os.write(self._stop, b"x")

    def close(self) -> None:
        """Give the descriptors back, after the last command."""
        os.close(self._stop)
        os.close(self._stopped)

    def _converse(self, process: subprocess.Popen[bytes], deadline: float, watch: Callable[[], None] | None) -> Output:
        stdout, stderr = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._stopped, selectors.EVENT_READ, None)
            for stream, kept in ((process.stdout, stdout), (process.stderr, stderr)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, kept)
            while len(selector.get_map()) > 1:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise subprocess.TimeoutExpired("git", 0)
                for key, _ in selector.select(min(left, _TICK) if watch else left):
                    if key.data is None:
                        raise GitFailure("stopped", "the command was ended")
                    if not _read(key.fd, key.data, keep_end=key.data is stderr):
                        selector.unregister(key.fileobj)
                if watch:
                    watch()
        code = process.wait(max(0.0, deadline - time.monotonic()))
        return Output(code, bytes(stdout), stderr.decode("utf-8", "replace"))


def start(
    client: git.Git, arguments: Sequence[str], environment: Mapping[str, str], stdin: IO[bytes] | int | None
) -> subprocess.Popen[bytes]:
    """Start git as leader of a process group of its own, with bounded address space.

    Raises:
        GitFailure: `no git`.
    """
    try:
        handle = client.execute(
            ["git", *arguments],
            istream=cast("BinaryIO | None", stdin),  # handed to Popen, which takes all of these
            as_process=True,
            env=environment,
            start_new_session=True,
        )
    except GitCommandNotFound:
        raise GitFailure("no git", "git is not on the PATH") from None
    assert isinstance(handle, git.Git.AutoInterrupt)  # noqa: S101 - as_process
    process = handle.proc
    # Ours from here on: the handle's finalizer would end it at some moment of its own.
    handle.proc = None
    assert process is not None  # noqa: S101 - a fresh handle has one
    with contextlib.suppress(ProcessLookupError, PermissionError):
        resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its group, wait for it, close its pipes."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while not _has_ended(process.pid) and time.monotonic() < deadline:
            time.sleep(0.005)
        # Before git is waited for: until then nobody else can get the group's number.
        _signal(process.pid, signal.SIGKILL)
        process.wait()
        _reap(process.pid)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(group: int) -> None:
    """Wait for what git left behind: as the first process of a container we inherit its children when it dies."""
    deadline = time.monotonic() + _GRACE
    with contextlib.suppress(ChildProcessError):  # no child of ours is in the group any more, or ever was
        while time.monotonic() < deadline:
            if os.waitpid(-group, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _read(descriptor: int, kept: bytearray, *, keep_end: bool) -> bool:
    """Read what is there; False at the end of the stream."""
    block = os.read(descriptor, 1 << 16)
    kept += block
    if keep_end:
        del kept[:-_STDERR]
    elif len(kept) > OUTPUT:
        raise GitFailure("git", f"the answer is longer than {OUTPUT >> 20} MiB")
    return bool(block)


@contextlib.contextmanager
def _input(lines: Sequence[str]) -> Iterator[IO[bytes] | None]:
    """Standard input as a file: a pipe could fill up while git waits for us to read."""
    if not lines:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.seek(0)
        yield file
