"""`shipslog drift`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import click
import msgspec

from controller.cli import options, output
from controller.cli.exits import NotFound
from controller.cli.home import Place, locate, opened, whoami
from controller.cli.nouns import application_id, key_of, read_application, understood
from controller.cli.printer import age
from controller.cli.table import Table
from controller.model.decline import MOST, REASON, Decline, parse, text
from controller.model.duration import seconds
from controller.model.labels import API_VERSION, DECLINE_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.application import Application
    from controller.model.drift import Drift
    from controller.model.objects import Key

    _Change: TypeAlias = Callable[[tuple[Decline, ...], str, str], tuple[Decline, ...]]


@click.group("drift")
def command() -> None:
    """Show the open drifts of an Application; decline a heal for one episode, or take that back."""


@command.command("list")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.output()
@options.kubeconfig
def list_(name: str, namespace: str, form: output.Format, kubeconfig: str) -> None:
    """List the drifts that are open, since when, by which manager, and what was decided about them."""
    place = locate(kubeconfig)
    key = key_of(name, namespace or place.namespace)
    app = asyncio.run(_read(place, key))
    now = datetime.now(UTC)
    drifts = msgspec.to_builtins(app.status.drift)
    titles = ("Object", "Change", "Fields", "Manager", "Since", "Decision")
    output.emit(
        form,
        drifts,
        lambda: Table(titles, [_row(drift, now) for drift in app.status.drift], empty="No drift is open."),
    )


@command.command("decline")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@click.argument("object_", metavar="OBJECT")
@options.option("--reason", required=True, help=f"Why; it is recorded. At most {REASON} characters.")
@options.option(
    "--within",
    default="1h",
    show_default=True,
    metavar="DURATION",
    help="Where no drift of the object is open: hold for the one that begins within this time.",
)
@options.namespace
@options.output()
@options.kubeconfig
def decline(
    name: str, object_: str, reason: str, within: str, namespace: str, form: output.Format, kubeconfig: str
) -> None:
    """Let the drift of one object stand, for one episode: it is not healed until it has ended.

    OBJECT is as the drift names it, or KIND/NAME: Deployment/web. The episode ends when the object equals Git
    again, by whomever, or when a new revision or an asked sync is written; the next one is healed as always.
    """
    if not reason.strip() or len(reason) > REASON:
        raise NotFound(f"--reason must have 1 to {REASON} characters", remedy="say in a sentence why")
    try:
        patience = seconds(within)
    except ValueError as error:
        raise NotFound(f"--within: {error}", remedy="write it as 30m or 2h") from None
    now = datetime.now(UTC)

    def change(declines: tuple[Decline, ...], named: str, user: str) -> tuple[Decline, ...]:
        until = (now + timedelta(seconds=patience)).isoformat(timespec="seconds")
        mine = Decline(object=named, reason=reason, by=user, at=now.isoformat(timespec="seconds"), until=until)
        return (*(one for one in declines if one.object != named), mine)

    _decide(name, namespace, object_, form, kubeconfig, change, "is not healed, until its drift has ended")


@command.command("heal")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@click.argument("object_", metavar="OBJECT")
@options.namespace
@options.output()
@options.kubeconfig
def heal(name: str, object_: str, namespace: str, form: output.Format, kubeconfig: str) -> None:
    """Take a declined heal back: the object is healed as always, at once."""

    def change(declines: tuple[Decline, ...], named: str, user: str) -> tuple[Decline, ...]:
        del user
        return tuple(one for one in declines if one.object != named)

    _decide(name, namespace, object_, form, kubeconfig, change, "is healed as always")


def _decide(
    name: str, namespace: str, object_: str, form: output.Format, kubeconfig: str, change: _Change, said: str
) -> None:
    place = locate(kubeconfig)
    key = key_of(name, namespace or place.namespace)
    named = asyncio.run(_annotate(place, key, object_, change))
    answer = {"namespace": key.namespace, "name": key.name, "object": named, "decision": said}
    output.emit(form, answer, lambda: Table(("Application", "Object", "Decision"), [(str(key), named, said)]))


async def _annotate(place: Place, key: Key, object_: str, change: _Change) -> str:
    """Change the annotation, refused where somebody changed the Application meanwhile; gives the object's name."""
    async with opened(place) as cluster:
        body = await read_application(cluster, key)
        named = object_of(understood(body), object_)
        declines = parse((body["metadata"].get("annotations") or {}).get(DECLINE_ANNOTATION, ""))
        changed = change(declines, named, await whoami(cluster, place.user))
        if len(changed) > MOST:
            raise NotFound(f"{key} has {MOST} declined heals already", remedy="take one back: shipslog drift heal")
        metadata = {
            "annotations": {DECLINE_ANNOTATION: text(changed)},
            "resourceVersion": body["metadata"]["resourceVersion"],
        }
        await cluster.merge(application_id(key), API_VERSION, {"metadata": metadata})
        return named


def object_of(app: Application, word: str) -> str:
    """The object of an Application that a user means: its full name, or KIND/NAME; raises NotFound."""
    known = {str(entry.id): entry for entry in app.status.inventory}
    if word in known:
        return word
    kind, _, name = word.partition("/")
    found = [
        full
        for full, entry in known.items()
        if entry.name == name and kind.lower() in {entry.kind.lower(), f"{entry.kind}.{entry.group}".lower()}
    ]
    if len(found) == 1:
        return found[0]
    what = "several objects" if found else "no object"
    raise NotFound(
        f"{app.key} has {what} {word!r}",
        remedy=f"name one of: {', '.join(sorted(found or known)[:10])}" if known else "it owns no object yet",
    )


async def _read(place: Place, key: Key) -> Application:
    async with opened(place) as cluster:
        return understood(await read_application(cluster, key))


def _row(drift: Drift, now: datetime) -> tuple[str, ...]:
    decided = f"declined by {drift.declined.by}: {drift.declined.reason}" if drift.declined else ""
    stood = age(drift.since, now) + (" or more" if drift.older else "")
    return drift.object, drift.change, ", ".join(drift.fields), drift.manager, stood, decided
