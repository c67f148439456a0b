"""Which refs can be named, and what is said of those that a server has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.fetch.errors import CommitNotFound, NameRefused, RefNotFound
from controller.fetch.failure import printable
from controller.fetch.refs import acceptable
from controller.fetch.versions import parse_range
from controller.model.duration import seconds

if TYPE_CHECKING:
    from controller.fetch.survey import Answer
    from controller.model.ref import Ref
    from controller.model.repository import Repository


def check_name(repository: Repository, ref: Ref) -> None:
    """Raise NameRefused for a ref that no server can have."""
    for field, prefix, name in (
        ("branch", "refs/heads/", ref.branch),
        ("tag", "refs/tags/", ref.tag),
        ("name", "", ref.name),
    ):
        if name is not None and not (acceptable(prefix + name) and (prefix + name).startswith("refs/")):
            raise NameRefused(
                f"Repository {repository.key}: {printable(repr(name))} is no name of a {field}",
                remedy=f"correct spec.source.ref.{field}",
            )
    if ref.semver is not None:
        try:
            parse_range(ref.semver)
        except ValueError as error:
            raise NameRefused(
                f"Repository {repository.key}: {printable(repr(ref.semver))} is no range of versions: {error}",
                remedy="correct spec.source.ref.semver",
            ) from None


def _described_ref(ref: Ref) -> str:
    if ref.semver is not None:
        return f"tag with a version in {printable(repr(ref.semver))}"
    if ref.name is not None:
        return f"ref {ref.name!r}"
    if ref.tag is not None:
        return f"tag {ref.tag!r}"
    return f"branch {ref.branch!r}" if ref.branch is not None else "default branch"


def missing(answer: Answer, ref: Ref, repository: Repository) -> RefNotFound | CommitNotFound:
    """The error for an answer that names no commit: it says what there is instead."""
    after = max(1.0, seconds(repository.spec.interval))
    head = f"Repository {repository.key}"
    if ref.commit is not None:
        return CommitNotFound(f"{head} has no commit {ref.commit}", after=after, remedy="push it, or name another")
    what = _described_ref(ref)
    if answer.reason == "not a commit":
        return RefNotFound(f"{head}: {what} names no commit", after=after, remedy="name one that does")
    if answer.reason == "empty":
        return RefNotFound(f"{head} is empty", after=after, remedy="push a commit, or name a branch in spec.source.ref")
    names = ", ".join(printable(name, 100) for name in answer.alike)
    remedy = f"it has: {names}" if names else "push it, or name another" if ref.name else "it has none at all: push it"
    return RefNotFound(f"{head} has no {what}", after=after, remedy=remedy)
