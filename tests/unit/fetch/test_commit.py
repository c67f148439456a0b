"""Commit objects, also odd ones."""

from __future__ import annotations

from controller.fetch.commit import Commit, parse

SHA = "a" * 40


def test_author_subject_and_time_are_read() -> None:
    """Time is UTC, whatever the committer's zone; headers that follow are skipped."""
    data = (
        b"tree " + b"b" * 40 + b"\nauthor first tool <first@example.org> 1700000000 +0200\n"
        b"committer second tool <second@example.org> 1700000001 -0700\n"
        b"gpgsig -----BEGIN PGP SIGNATURE-----\n author forged <forged@example.org> 1 +0000\n -----END-----\n\n"
        b"Subject here\n\nBody\n"
    )

    assert parse(SHA, data) == Commit(SHA, "first tool <first@example.org>", "Subject here", "2023-11-14T22:13:21Z")


def test_an_encoding_is_honoured_and_an_unknown_one_does_not_matter() -> None:
    """Old commits are not always UTF-8."""
    head = b"author J\xfcrgen <j@example.org> 1 +0000\ncommitter J <j@example.org> 1 +0000\n"

    assert parse(SHA, head + b"encoding ISO-8859-1\n\nGr\xfc\xdfe\n")[1:3] == ("Jürgen <j@example.org>", "Grüße")
    assert parse(SHA, head + b"encoding nonsense\n\nHi\n").message == "Hi"


def test_what_is_not_as_git_writes_it_is_empty() -> None:
    """A hostile commit is no reason to fail."""
    assert parse(SHA, b"") == Commit(SHA)
    assert parse(SHA, b"author nobody\ncommitter x <x> 99999999999999999999 +0000\n\n\n") == Commit(SHA)


def test_control_characters_and_endless_lines_are_tamed() -> None:
    """Authors write into terminals and logs."""
    found = parse(SHA, b"author \x1b[31mred <r@example.org> 1 +0000\n\n" + b"x" * 10_000)

    assert "\x1b" not in found.author
    assert len(found.message) < 300
