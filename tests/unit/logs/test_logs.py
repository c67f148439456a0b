from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from controller import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logs.get_logger("controller.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What was logged; the process's logging is as before afterwards."""
    handlers, root, ours = logging.root.handlers[:], logging.root.level, logging.getLogger("controller").level
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    yield stream
    logging.root.handlers[:] = handlers
    logging.root.setLevel(root)
    logging.getLogger("controller").setLevel(ours)
    logging.captureWarnings(capture=False)
    logs._secrets.clear()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines, decoded: each is one JSON object."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_a_constant_message_and_its_values_as_fields(stream: io.StringIO) -> None:
    """Messages can be counted, values can be searched."""
    log.info("Run started", trigger="user", objects=4)

    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "message": "Run started",
        "logger": "controller.test",
        "trigger": "user",
        "objects": 4,
    }


def test_context_is_on_every_line_of_the_block_and_on_none_after(stream: io.StringIO) -> None:
    """Blocks nest, and each ends where it ends."""
    with logs.bound(application="pay/shop", run="r1"):
        with logs.bound(cluster="prod-eu"):
            log.info("Inner")
        log.info("Outer")
    log.info("After")

    inner, outer, after = lines(stream)
    assert (inner["application"], inner["run"], inner["cluster"]) == ("pay/shop", "r1", "prod-eu")
    assert (outer["application"], "cluster" in outer) == ("pay/shop", False)
    assert "application" not in after


async def test_context_follows_into_tasks_and_never_into_a_neighbour(stream: io.StringIO) -> None:
    """Two runs at once: each line names its own."""

    async def work(name: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        with logs.bound(application=name):
            mine.set()
            await other.wait()
            async with asyncio.TaskGroup() as group:
                group.create_task(step(name), name=f"step of {name}")

    async def step(name: str) -> None:
        log.info("Step", mine=name)

    one, two = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work("a", one, two), name="a")
        group.create_task(work("b", two, one), name="b")

    assert len(lines(stream)) == 2
    assert all(line["application"] == line["mine"] for line in lines(stream))


def test_a_field_never_replaces_what_a_line_is_made_of(stream: io.StringIO) -> None:
    """A field called `time` or `level` is kept under another name."""
    log.info("Odd", time=3, level="deep", logger="mine")

    (line,) = lines(stream)
    assert line["level"] == "info"
    assert line["logger"] == "controller.test"
    assert (line["field_time"], line["field_level"], line["field_logger"]) == (3, "deep", "mine")


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        ("clone https://bot:hunter2secret@git.example/x failed", "hunter2secret", "git.example/x"),
        ("clone https://ghp_abcdefgh@git.example/x failed", "ghp_abcdefgh", "git.example"),
        ("postgresql://writer:pa%40ss@db/ledger", "pa%40ss", "db/ledger"),
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi", "Authorization"),
        ("{'authorization': 'Basic Ym90Omh1bnRlcjI='}", "Ym90Omh1bnRlcjI", "authorization"),
        ("sent bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln to it", "eyJhbGciOiJSUzI1NiJ9", "to it"),
        ("PRIVATE-TOKEN: glpat-12345", "glpat-12345", "TOKEN"),
        ("Cookie: session=abcdef", "abcdef", "Cookie"),
        (
            "key -----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY----- end",
            "MIIEpAIBAAKCAQEA",
            "end",
        ),
        ("key -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "MIIEvQIBADANBg", "key"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, gone: str, kept: str, stream: io.StringIO) -> None:
    """In a field, deep in a field, in the message and in an error's text: what is around it stays readable."""
    log.info("Field", text=text)
    log.info("Deep", nested={"list": [text]})
    logging.getLogger("library").warning(text)
    log.error("Failed", error=RuntimeError(text))

    assert gone not in stream.getvalue()
    assert stream.getvalue().count(logs.REDACTED) >= 4
    assert all(kept in json.dumps(line) for line in lines(stream))


def test_an_ordinary_line_is_left_as_it_is(stream: io.StringIO) -> None:
    """A net that catches everything is of no use."""
    said = "GET https://git.example/team/repo.git/info/refs at basic level, author a@example.org, bearer of news"

    log.info("Fetched", text=said)

    assert lines(stream)[0]["text"] == said


def test_a_registered_secret_appears_nowhere_in_either_form(stream: io.StringIO) -> None:
    """Its base64 form, which Secrets and basic authentication use, is known too."""
    logs.secret("correct horse\nbattery")

    log.info("Leak", value="it is correct horse\nbattery!", more=["Y29ycmVjdCBob3JzZQpiYXR0ZXJ5"])

    (line,) = lines(stream)
    assert line["value"] == f"it is {logs.REDACTED}!"
    assert line["more"] == [logs.REDACTED]


def test_a_secret_at_the_cut_of_a_long_value_is_not_half_shown(stream: io.StringIO) -> None:
    """Long values are redacted before they are cut."""
    logs.secret("s3cr3t-s3cr3t")

    log.info("Long", value="x" * (logs.LONGEST_VALUE - 6) + "s3cr3t-s3cr3t" + "y" * 100)

    assert "s3cr3" not in stream.getvalue()
    assert len(lines(stream)[0]["value"]) <= logs.LONGEST_VALUE + 3


def test_a_short_word_is_not_taken_for_a_secret(stream: io.StringIO) -> None:
    """A password `app` must not blank every application."""
    logs.secret("app")

    log.info("Seen", value="application")

    assert lines(stream)[0]["value"] == "application"


def test_the_number_of_registered_secrets_is_bounded() -> None:
    """Rotated credentials of a year do not slow every line down; the newest stay known."""
    for number in range(logs.MOST_SECRETS):
        logs.secret(f"secret-{number:06}")

    assert len(logs._secrets) == logs.MOST_SECRETS
    assert logs.redact(f"secret-{logs.MOST_SECRETS - 1:06}") == logs.REDACTED
    logs._secrets.clear()


class Hostile:
    """A value whose text can't be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_logging_never_raises(stream: io.StringIO) -> None:
    """A value that can't be written costs its own text, never the work it was about."""
    log.info("Hostile", value=Hostile())
    log.info("Deep", value=[[[[[[[[[[1]]]]]]]]]])
    log.info("Odd keys", value={1: 2, None: 3, (1, 2): "x"})
    log.info("Bytes", value=b"\xff", text="\udcff", huge=10**30, infinite=float("inf"))

    messages = [line["message"] for line in lines(stream)]
    assert messages == ["Hostile", "Deep", "Odd keys", "Bytes"]
    assert lines(stream)[0]["value"] == "[no text for this Hostile]"


def test_a_librarys_broken_line_is_replaced_by_one_that_says_so() -> None:
    """Wrong arguments to a message are somebody's defect, and no reason to stop."""
    record = logging.LogRecord("library", logging.WARNING, "", 0, "%d", ("no number",), None)

    line = json.loads(logs.Formatter().format(record))

    assert (line["message"], line["logger"], line["why"]) == ("Log line lost", "library", "TypeError")


def test_an_error_carries_its_type_its_text_and_where_it_happened(stream: io.StringIO) -> None:
    """`exception` inside an `except` block needs no argument."""
    try:
        int("3.5")
    except ValueError:
        log.exception("Rendering failed")

    (line,) = lines(stream)
    assert line["error"] == "ValueError: invalid literal for int() with base 10: '3.5'"
    assert "test_an_error_carries" in line["traceback"]


def test_a_warning_names_the_error_without_its_traceback(stream: io.StringIO) -> None:
    """What is tried again needs one line, not forty."""
    log.warning("Trying again", error=ValueError("busy"))

    (line,) = lines(stream)
    assert line["error"] == "ValueError: busy"
    assert "traceback" not in line


def test_levels_are_ours_and_libraries_stay_quiet(stream: io.StringIO) -> None:
    """Libraries log requests with their headers below warning; only our own lines come at the level asked for."""
    log.debug("Too fine")
    log.info("Ours")
    logging.getLogger("aiohttp.client").info("theirs")

    assert [line["message"] for line in lines(stream)] == ["Ours"]


def test_text_for_people_is_one_line_with_its_fields() -> None:
    """Values with blanks are quoted, so that a line can be taken apart."""
    record = logging.LogRecord("controller.test", logging.INFO, "", 0, "Run started", None, None)
    record.fields = {"trigger": "user", "reason": "two words"}

    text = logs.Formatter(text=True).format(record)

    assert text.endswith('INFO    Run started trigger=user reason="two words" (controller.test)')
    assert "\n" not in text


def test_a_line_break_in_a_value_makes_no_second_line() -> None:
    """Nobody forges a log line through a branch's name."""
    record = logging.LogRecord("controller.test", logging.INFO, "", 0, "Seen", None, None)
    record.fields = {"branch": "main\n2026-01-01T00:00:00.000Z ERROR   Forged"}

    assert "\n" not in logs.Formatter(text=True).format(record)
    assert "\n" not in logs.Formatter().format(record)


@pytest.mark.parametrize(("level", "form"), [("loud", "json"), ("info", "xml")])
def test_an_unknown_level_or_format_is_refused_with_what_there_is(level: str, form: str) -> None:
    """The message lists the choices."""
    with pytest.raises(ValueError, match=r"use one of (debug, info, warning, error|json, text)"):
        logs.configure(level, form)


def test_fields_given_the_librarys_way_are_fields_too(stream: io.StringIO) -> None:
    """`extra=` of the standard logger, for modules that can't know ours."""
    logging.getLogger("controller.other").warning("Odd", extra={"cluster": "prod-eu", "fields": {"tries": 3}})

    (line,) = lines(stream)
    assert (line["cluster"], line["tries"]) == ("prod-eu", 3)
