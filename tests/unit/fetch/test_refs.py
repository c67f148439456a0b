"""What a server's refs are taken for, and what is fetched of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.fetch.plan import fetched, local_name, plan
from controller.fetch.refs import acceptable, parse
from controller.model.ref import Ref

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
LISTING = f"""ref: refs/heads/main\tHEAD
{A}\tHEAD
{A}\trefs/heads/main
{B}\trefs/heads/maintenance
{C}\trefs/tags/v1
{D}\trefs/tags/v1^{{}}
{D}\trefs/pull/7/head
"""


def test_branches_tags_and_the_default_branch_are_read() -> None:
    """Other refs are kept apart, annotated tags know what they point to."""
    table = parse(LISTING)

    assert table.refs == {"refs/heads/main": A, "refs/heads/maintenance": B, "refs/tags/v1": C}
    assert table.others == {"refs/pull/7/head": D}
    assert table.peeled == {"refs/tags/v1": D}
    assert (table.head, table.head_id) == ("refs/heads/main", A)


def test_a_detached_head_is_called_head() -> None:
    """A server without a default branch still has a default commit."""
    assert parse(f"{A}\tHEAD\n{B}\trefs/heads/main\n").head == "HEAD"


def test_an_empty_repository_has_no_default_branch() -> None:
    """A HEAD that names a branch which is not there yet is nothing."""
    assert parse("ref: refs/heads/main\tHEAD\n").head == ""


@pytest.mark.parametrize(
    "name", ["a:b", "*", "a..b", "a b", "a^", "a~1", "a?", "a[b", "a\\b", "a@{1}", "x.lock", "a//b", "/.a", "a/", "a."]
)
def test_a_name_that_means_something_in_a_refspec_is_not_read(name: str) -> None:
    """A hostile server can't write our refspecs."""
    assert not acceptable(f"refs/heads/{name}")
    assert parse(f"{A}\trefs/heads/{name}\n").refs == {}


@pytest.mark.parametrize("name", ["main", "feature/x", "release-1.2", "größe", "a@b", "#7"])
def test_an_ordinary_name_is_read(name: str) -> None:
    """Slashes, dots, dashes and letters of any language are fine."""
    assert parse(f"{A}\trefs/heads/{name}\n").refs == {f"refs/heads/{name}": A}


def test_similar_names_are_offered() -> None:
    """A typing error gets the name that was meant."""
    assert parse(LISTING).alike(Ref(branch="mian"))[0] == "main"
    assert parse(LISTING).alike(Ref(tag="nothing-like-it")) == ["v1"]


def test_only_what_is_wanted_and_moved_is_fetched() -> None:
    """What we have by the same id costs nothing."""
    wanted = [Ref(branch="main"), Ref(tag="v1"), Ref(), Ref(branch="gone")]

    planned = plan(wanted, parse(LISTING), {"heads/main": A, "tags/v1": A})

    assert planned.refspecs == ("+refs/tags/v1:refs/shipslog/tags/v1",)
    assert planned.gone == ()


def test_what_the_server_has_no_more_is_deleted_and_what_nobody_wants_stays() -> None:
    """After a restart not everybody has asked yet; a ref that is gone may stand in the way of others."""
    have = {"heads/main": A, "heads/maintenance": B, "heads/old": C, "tags/v0": C, "all/heads/x": C, f"commits/{D}": D}

    planned = plan([Ref(branch="main")], parse(LISTING), have)

    assert planned.refspecs == ()
    assert planned.gone == ("heads/old", "tags/v0")


def test_a_commit_is_wanted_until_it_is_kept() -> None:
    """Commits never move."""
    table = parse(LISTING)

    assert plan([Ref(commit=D)], table, {}).commits == (D,)
    assert plan([Ref(commit=D)], table, {f"commits/{D}": D}).commits == ()


def test_a_range_means_the_highest_tag_in_it() -> None:
    """Whatever order the server lists them in."""
    tags = "".join(f"{A}\trefs/tags/{tag}\n" for tag in ("v1.2.0", "v1.10.0", "v2.0.0-rc.1", "v1.9.9", "nightly"))
    table = parse(LISTING + tags)

    assert table.name_of(Ref(semver="^1")) == "refs/tags/v1.10.0"
    assert table.name_of(Ref(semver=">=1.0.0-0")) == "refs/tags/v2.0.0-rc.1"
    assert table.name_of(Ref(semver="^3")) == ""
    assert table.alike(Ref(semver="^3"))[:2] == ["v2.0.0-rc.1", "v1.10.0"]


def test_a_name_means_that_ref_alone() -> None:
    """A pull request is no branch."""
    table = parse(LISTING)

    assert table.id_of(table.name_of(Ref(name="refs/pull/7/head"))) == D
    assert table.name_of(Ref(name="refs/heads/main")) == "refs/heads/main"
    assert table.name_of(Ref(name="refs/pull/8/head")) == ""


def test_what_was_fetched_answers_as_the_server_did() -> None:
    """Also a server's ref whose name is like one of our own."""
    text = LISTING + f"{B}\trefs/commits/{B}\n{C}\trefs/all/x\n"
    table = parse(text)
    names = [*table.refs, *table.others]
    have = {local_name(name): table.id_of(name) for name in names} | {f"commits/{B}": B, "all/heads/y": B}

    assert fetched(have, "refs/heads/main") == replace(table, peeled={})
    assert plan([], table, have).gone == ()
    assert len({local_name(name) for name in names} & {f"commits/{B}", "all/x"}) == 0
