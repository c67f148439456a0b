"""`shipslog app`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from controller.cli import options, output
from controller.cli.home import Place, locate, opened
from controller.cli.nouns import key_of, read_application, understood
from controller.cli.printer import age
from controller.cli.table import Table, columns, show, style
from controller.errors import ShipslogError, Terminal
from controller.model.cluster import IN_CLUSTER
from controller.model.health import Health, HealthStatus
from controller.model.run import Trigger
from controller.observe.checks import Evaluator, judged
from controller.observe.tree import Judge, Node, Tree, tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from controller.model.application import Application, InventoryEntry
    from controller.model.base import Json
    from controller.model.objects import Key
    from controller.model.run import Run
    from controller.ports import Cluster

IN_FLIGHT = 10
"""Objects that are read at the same time."""
READ = 200
"""Objects whose health is read; of a larger Application the rest is listed without."""


@click.command("app")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.option(
    "--health/--no-health", default=True, show_default=True, help=f"Read the health of its objects (at most {READ})."
)
@options.option(
    "--tree", "as_tree", is_flag=True, default=False, help="Show its objects and all below them, down to Pods."
)
@options.output()
@options.kubeconfig
def command(name: str, namespace: str, health: bool, as_tree: bool, form: output.Format, kubeconfig: str) -> None:
    """Show one Application in full: conditions, revision, last run, drift, objects with health, history.

    Objects in another cluster are listed without health: only the controller holds that cluster's credentials.
    """
    place = locate(kubeconfig)
    if as_tree:
        _show_tree(asyncio.run(_read_tree(place, key_of(name, namespace or place.namespace))), form)
        return
    body, verdicts = asyncio.run(_read(place, key_of(name, namespace or place.namespace), health=health))
    app = understood(body)
    if form == "table":
        _show(app, verdicts, datetime.now(UTC))
    else:
        output.write(form, output.bare(body) | {"objects": _objects(app, verdicts)})


async def _read(place: Place, key: Key, *, health: bool) -> tuple[Json, list[Health | None]]:
    async with opened(place) as cluster:
        body = await read_application(cluster, key)
        app = understood(body)
        entries = app.status.inventory
        if not health or app.spec.destination.cluster != IN_CLUSTER:
            return body, [None] * len(entries)
        gate = asyncio.Semaphore(IN_FLIGHT)
        async with judge_of(app) as judge:
            verdicts = await asyncio.gather(*(_health(cluster, entry, gate, judge) for entry in entries[:READ]))
        return body, [*verdicts, *[None] * (len(entries) - len(verdicts))]


async def _read_tree(place: Place, key: Key) -> Tree:
    async with opened(place) as cluster:
        app = understood(await read_application(cluster, key))
        if app.spec.destination.cluster != IN_CLUSTER:
            raise Terminal(
                f"{key} is in cluster {app.spec.destination.cluster}, whose credentials only the controller has",
                remedy="look there with kubectl",
            )
        async with judge_of(app) as judge:
            return await tree(cluster, app.status.inventory, judge)


@contextlib.asynccontextmanager
async def judge_of(app: Application) -> AsyncIterator[Judge]:
    """Judges objects as the controller does: by the Application's own checks, or by the rules of their kinds."""
    checks = {check.group_kind: check for check in app.spec.health_checks}
    evaluator = Evaluator()
    try:
        yield lambda body: judged(body, checks, evaluator)
    finally:
        await evaluator.close()


def _show_tree(found: Tree, form: output.Format) -> None:
    if form != "table":
        output.write(form, {"objects": [_plain(node) for node in found.nodes], "unread": list(found.unread)})
        return
    rows = [row for node in found.nodes for row in _rows(node, "", "")]
    show(Table(("Object", "Health", "Message"), rows, empty="It owns no object.", indented=("Object",)))
    for why in found.unread:
        print(f"not read: {why}", file=sys.stderr)


def _rows(node: Node, before: str, below: str) -> list[tuple[str, str, str]]:
    name = f"{node.id.group_kind}/{node.id.name}"
    rows = [(f"{before}{name}", node.health.status.value, node.health.message)]
    for child in node.children:
        last = child is node.children[-1]
        rows += _rows(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
    return rows


def _plain(node: Node) -> dict[str, Any]:
    return {
        "apiVersion": node.api_version,
        "kind": node.id.kind,
        "namespace": node.id.namespace,
        "name": node.id.name,
        "health": node.health.status.value,
        "message": node.health.message,
        "worst": node.worst.status.value,
        "children": [_plain(child) for child in node.children],
    }


async def _health(cluster: Cluster, entry: InventoryEntry, gate: asyncio.Semaphore, judge: Judge) -> Health:
    async with gate:
        try:
            live = await cluster.get(entry.id, entry.api_version)
        except ShipslogError as error:
            return Health(HealthStatus.UNKNOWN, str(error))
    return await judge(live) if live else Health(HealthStatus.MISSING, "It does not exist.")


def _objects(app: Application, verdicts: Sequence[Health | None]) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": entry.api_version,
            "kind": entry.kind,
            "namespace": entry.namespace,
            "name": entry.name,
            "health": verdict.status.value if verdict else None,
            "message": verdict.message if verdict else None,
        }
        for entry, verdict in zip(app.status.inventory, verdicts, strict=True)
    ]


def _show(app: Application, verdicts: Sequence[Health | None], now: datetime) -> None:
    print("\n".join(columns(_head(app))))
    conditions = app.status.conditions
    _section(
        "Conditions",
        ("Type", "Status", "Reason", "Since", "Message"),
        [(one.type, one.status, one.reason, age(one.last_transition_time, now), one.message) for one in conditions],
        wraps=("Message",),
        colour=condition_colour,
    )
    _section(
        "Drift",
        ("Object", "Change", "Fields", "Manager", "Since"),
        [(one.object, one.change, ", ".join(one.fields), one.manager, age(one.since, now)) for one in app.status.drift],
        optional=("Manager", "Fields"),
    )
    _section(
        "Objects",
        ("Kind", "Namespace", "Name", "Health", "Message"),
        [
            (
                entry.kind,
                entry.namespace,
                entry.name,
                verdict.status.value if verdict else "",
                (verdict or NONE).message,
            )
            for entry, verdict in zip(app.status.inventory, verdicts, strict=True)
        ],
        optional=("Namespace",),
    )
    _section(
        "History",
        ("Run", "Phase", "Trigger", "Actor", "Revision", "Finished", "Message"),
        [_run(run, now) for run in app.status.history],
        optional=("Run", "Revision", "Trigger"),
    )


NONE = Health(HealthStatus.UNKNOWN)
WHY = {
    Trigger.USER: "asked for by {}",
    Trigger.WEBHOOK: "for a webhook of {}",
    Trigger.SPEC: "for a changed spec, by {}",
    Trigger.REVISION: "for a new revision, by {}",
    Trigger.DEPENDENCY: "for a dependency, by {}",
    Trigger.DRIFT: "for a drift, by {}",
    Trigger.HEALTH: "for a change of health, by {}",
    Trigger.RETRY: "tried again by {}",
    Trigger.INTERVAL: "at its interval, by {}",
}
"""Why a run began, in the words of `Last run`."""


def _head(app: Application) -> list[tuple[str, str]]:
    spec, status = app.spec, app.status
    run, revision = status.last_run, status.revision
    return [
        ("Application", str(app.key)),
        ("Repository", f"{spec.source.repository} {spec.source.path}"),
        ("Destination", f"{spec.destination.cluster} {spec.destination.namespace}"),
        ("Mode", f"{spec.sync.mode}{', suspended' if spec.suspend else ''}"),
        ("Objects", status.summary),
        ("Revision", f"{revision.sha} {revision.ref}".strip()),
        ("Attempted", status.attempted if status.attempted != revision.sha else ""),
        ("Commit", f"{revision.message} ({revision.author}, {revision.committed_at})" if revision.sha else ""),
        ("Last run", f"{run.phase.value}, {WHY[run.trigger].format(run.actor)}, run {run.id}" if run else ""),
        ("Changes", _counts(run) if run else ""),
        ("Message", run.message if run else ""),
    ]


def _counts(run: Run) -> str:
    counts = msgspec.to_builtins(run.counts)
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def _run(run: Run, now: datetime) -> tuple[str, ...]:
    when = age(run.finished_at or run.started_at, now)
    return run.id, run.phase.value, run.trigger.value, run.actor, run.revision[:12], when, run.message


def condition_colour(title: str, cell: str, row: Sequence[str]) -> str:
    """Of a condition, by what it says: being Stalled is bad, being at work is neither, not being so is no news."""
    if title != "Status":
        return ""
    match row[0], cell:
        case "Stalled", "True":
            return "red"
        case "Reconciling" | "Contested", "True":
            return "yellow"
        case "Stalled" | "Reconciling" | "Contested", _:
            return ""
    return style(cell)


def _section(title: str, titles: tuple[str, ...], rows: Sequence[Sequence[str]], **more: Any) -> None:
    if rows:
        print(f"\n{title}")
        sys.stdout.flush()
        show(Table(titles, rows, **more))
