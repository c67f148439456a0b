"""`shipslog audit`."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import msgspec

from controller.cli import options, output, yaml
from controller.cli.exits import NotFound
from controller.cli.nouns import key_of
from controller.cli.stream import Stream
from controller.cli.table import Table, columns
from controller.model.duration import seconds
from controller.model.event import BY_LABEL
from controller.record.entry import Filters
from controller.record.ledger import PostgresLedger

if TYPE_CHECKING:
    from controller.record.entry import Entry

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_OBJECT = re.compile(r"[A-Z][A-Za-z0-9]*(\.[a-z0-9.-]+)? ([a-z0-9-]+/)?[^ /]+")
"""KIND[.GROUP] [NAMESPACE/]NAME, as events name objects."""
_DAYS = re.compile(r"(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?(?P<rest>.*)")
OPTIONAL = ("Revision", "Actor", "Object", "Outcome")
"""What a narrow terminal goes without, first the revision."""
TITLES = ("Time", "Type", "Outcome", "Actor", "Application", "Object", "Revision", "Reason")


@click.group("audit")
def command() -> None:
    """Read the ledger: what was synced, what drifted, who did it, and when."""


@command.command("tail")
@options.option("-n", "--namespace", default=None, help="Of Applications in this namespace.")
@options.option("--application", default=None, metavar="[NAMESPACE/]NAME", help="Of Applications with this name.")
@options.option("--cluster", default=None, help="About this cluster.")
@options.option(
    "--object",
    "object_",
    default=None,
    metavar="'KIND[.GROUP] [NAMESPACE/]NAME'",
    help="About this object, as in 'ConfigMap shop/settings'; of every API group where none is named.",
)
@options.option("--actor", default=None, help="Done by this user or field manager.")
@options.option("--run", default=None, help="Of the run with this identifier.")
@options.option("--type", "types", multiple=True, type=click.Choice(list(BY_LABEL)), help="Of this type; repeatable.")
@options.option(
    "--outcome", default=None, type=click.Choice(["success", "failure", "refused", "unknown"]), help="So ended."
)
@options.option(
    "--since",
    default=None,
    metavar="DURATION|DAY|TIME",
    help="Not older than this: 90m, 2d, 1w, 2026-11-24 (UTC), or RFC 3339.",
)
@options.option("--until", default=None, metavar="DURATION|DAY|TIME", help="Older than this.")
@options.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@options.option(
    "--follow/--no-follow", default=False, show_default=True, help="Go on with what arrives; JSON a line each."
)
@options.output()
@options.ledger_url
def tail(form: output.Format, database_url: str, limit: int, follow: bool, **given: Any) -> None:
    """Print the newest events, oldest first."""
    filters = filters_of(given, datetime.now(UTC))
    asyncio.run(_tail(_ledger(database_url), filters, limit, form, follow=follow))


@command.command("show")
@click.argument("event_id", metavar="ID")
@options.output()
@options.ledger_url
def show(event_id: str, form: output.Format, database_url: str) -> None:
    """Print one event in full."""
    entry = asyncio.run(_show(_ledger(database_url), event_id))
    if entry is None:
        raise NotFound(f"the ledger has no event {event_id!r}", remedy="shipslog audit tail -o json shows identifiers")
    if form != "table":
        output.write(form, document(entry))
        return
    whole = document(entry)
    detail = whole.pop("detail", None)
    print("\n".join(columns([(name, _flat(value)) for name, value in whole.items()])))
    if detail:
        print("\nDetail")
        sys.stdout.write(yaml.dump(detail))


def _ledger(database_url: str) -> str:
    return options.required(database_url, "SHIPSLOG_CLI_DATABASE_URL")


def filters_of(given: dict[str, Any], now: datetime) -> Filters:
    """The filters that the options ask for; raises BadParameter for a time or an object that is none."""
    application, namespace = given["application"], given["namespace"]
    if "/" in (application or ""):
        key = key_of(application, namespace or "")
        application, namespace = key.name, key.namespace
    return Filters(
        since=moment(given["since"], now, "--since"),
        until=moment(given["until"], now, "--until"),
        types=given["types"] or None,
        namespace=namespace,
        application=application,
        cluster=given["cluster"],
        object=_object(given["object_"]),
        actor=given["actor"],
        outcome=given["outcome"],
        correlation_id=given["run"],
    )


def _object(text: str | None) -> str | None:
    """The object as events name it; raises BadParameter for what no event can have."""
    if text is None or _OBJECT.fullmatch(text):
        return text
    raise click.BadParameter(
        f"{text!r} is not of the form KIND[.GROUP] [NAMESPACE/]NAME with the kind written in full, as in"
        " 'Deployment shop/web' or 'Deployment.apps shop/web'",
        param_hint="--object",
    )


def moment(text: str | None, now: datetime, option: str) -> datetime | None:
    """A time, given as such or as how long ago it is."""
    if text is None:
        return None
    try:
        return now - _ago(text)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is neither a duration such as 90m, 2d or 1w, nor a day of UTC such as 2026-11-24, nor RFC 3339"
            " with a zone",
            param_hint=option,
        )
    return found


def _ago(text: str) -> timedelta:
    """A duration as in a spec, with weeks and days before it."""
    match = _DAYS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    days = timedelta(weeks=int(match["weeks"] or 0), days=int(match["days"] or 0))
    return days + timedelta(seconds=seconds(match["rest"])) if match["rest"] or not days else days


def document(entry: Entry) -> dict[str, Any]:
    """The event's own body, with the time at which the database took it."""
    return entry.document() | {"recorded_at": entry.recorded_at.isoformat()}


async def _tail(dsn: str, filters: Filters, limit: int, form: output.Format, *, follow: bool) -> None:
    ledger = await PostgresLedger.open(dsn, connections=1)
    try:
        found = await ledger.tail(filters, limit)
        if not follow:
            output.emit(
                form,
                [document(entry) for entry in found],
                lambda: Table(TITLES, [row(entry) for entry in found], empty="No events found.", optional=OPTIONAL),
            )
            return
        stream = Stream(TITLES, OPTIONAL)
        for entry in found:
            _say(entry, form, stream)
        async for entry in ledger.follow(filters):
            _say(entry, form, stream)
    finally:
        await ledger.close()


async def _show(dsn: str, event_id: str) -> Entry | None:
    ledger = await PostgresLedger.open(dsn, connections=1)
    try:
        return await ledger.show(event_id)
    finally:
        await ledger.close()


def row(entry: Entry) -> tuple[str, ...]:
    """An event as a row of TITLES."""
    application = f"{entry.namespace}/{entry.application}" if entry.application else ""
    actor = f"{entry.actor_kind} {entry.actor}".strip()
    at = entry.occurred_at.astimezone(UTC)
    # On a terminal the room is for what happened; the year and the milliseconds are in the JSON and in every pipe.
    when = f"{at:%m-%d %H:%M:%SZ}" if sys.stdout.isatty() else f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    revision = (entry.revision or "")[:8]
    return when, entry.type, entry.outcome, actor, application, entry.object or "", revision, entry.reason()


def _say(entry: Entry, form: output.Format, stream: Stream) -> None:
    """One event, at once: a row, a line of JSON, or a document of YAML."""
    if form == "table":
        stream.add(row(entry))
    elif form == "yaml":
        print(f"---\n{yaml.dump(document(entry))}", end="", flush=True)
    else:
        print(msgspec.json.encode(document(entry)).decode(), flush=True)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in value.items())
    return str(value)
