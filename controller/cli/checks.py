"""What `shipslog doctor` looks at: each check is a coroutine that gives findings and raises nothing foreseeable."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from controller.cli.home import Place, locate, opened, whoami
from controller.cli.rights import missing
from controller.errors import ShipslogError
from controller.model.crds import crds
from controller.model.objects import object_id
from controller.record import migrate
from controller.record.dsn import place as database_place
from controller.render import EnginePool, locate_engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from controller.ports import Cluster
    from controller.settings import Settings

OLDEST_GIT = (2, 36)
LEAST_SPACE = 64 << 20
"""Bytes that should be free for the spool."""
_RIGHTS = """
SELECT has_any_column_privilege('audit.event', 'INSERT'),
       has_any_column_privilege('audit.event', 'UPDATE') OR has_table_privilege('audit.event', 'DELETE')
           OR has_table_privilege('audit.event', 'TRUNCATE'),
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
       pg_has_role('audit_owner', 'MEMBER'),
       current_user
"""


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor."""

    check: str
    status: Literal["ok", "warn", "fail"]
    message: str
    remedy: str = ""


async def check_engine(settings: Settings, kubeconfig: str) -> list[Finding]:
    """The render engine starts and says its version."""
    del kubeconfig
    pool = EnginePool(await asyncio.to_thread(locate_engine, settings.engine), size=1, memory=settings.render_memory)
    async with pool:
        version = await pool.version()
    return [Finding("engine", "ok", f"the render engine runs, version {version[:12]}")]


async def check_git(settings: Settings, kubeconfig: str) -> list[Finding]:
    """There is a git, and it is new enough."""
    del settings, kubeconfig
    remedy = f"install git {OLDEST_GIT[0]}.{OLDEST_GIT[1]} or newer"
    try:
        process = await asyncio.create_subprocess_exec("git", "--version", stdout=asyncio.subprocess.PIPE)
        said = (await process.communicate())[0].decode(errors="replace").strip()
    except OSError:
        return [Finding("git", "fail", "there is no git to run", remedy)]
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST_GIT:
        return [Finding("git", "fail", f"git is too old: {said}", remedy)]
    return [Finding("git", "ok", said)]


async def check_cluster(settings: Settings, kubeconfig: str) -> list[Finding]:
    """The home cluster answers."""
    place = await asyncio.to_thread(locate, kubeconfig or settings.kubeconfig)
    async with opened(place) as cluster:
        version = await cluster.version()
        user = await whoami(cluster, place.user)
    how = f"by {place.kubeconfig}" if place.kubeconfig else "by the Pod's ServiceAccount"
    return [Finding("cluster", "ok", f"the home cluster answers: {version}, as {user}, {how}")]


async def check_crds(settings: Settings, kubeconfig: str) -> list[Finding]:
    """Our CustomResourceDefinitions are there, as this version has them."""
    place = await asyncio.to_thread(locate, kubeconfig or settings.kubeconfig)
    remedy = "shipslog crds | kubectl apply --server-side -f -"
    findings = []
    async with opened(place) as cluster:
        for wanted in crds():
            name = wanted["metadata"]["name"]
            live = await cluster.get(object_id(wanted), wanted["apiVersion"])
            if live is None:
                findings.append(Finding("crds", "fail", f"{name} is not installed", remedy))
            elif not contains(live["spec"], wanted["spec"]):
                findings.append(Finding("crds", "warn", f"{name} is of another version", remedy))
            else:
                findings.append(Finding("crds", "ok", f"{name} is installed and up to date"))
    return findings


async def check_permissions(settings: Settings, kubeconfig: str) -> list[Finding]:
    """Whoever runs this may do what a controller must."""
    place = await asyncio.to_thread(locate, kubeconfig or settings.kubeconfig)
    async with opened(place) as cluster:
        return await _permissions(cluster, place, settings.namespace)


async def _permissions(cluster: Cluster, place: Place, namespace: str) -> list[Finding]:
    user = await whoami(cluster, place.user)
    needed, wide, complete = await missing(cluster, namespace)
    findings = []
    if needed:
        findings.append(
            Finding(
                "permissions",
                "fail" if complete else "warn",
                f"{user} may not {', '.join(needed)}",
                "run it as the controller's ServiceAccount, or bind the chart's ClusterRole",
            )
        )
    else:
        findings.append(Finding("permissions", "ok", f"{user} may do all that the controller itself needs"))
    if wide:
        findings.append(
            Finding(
                "permissions",
                "warn",
                f"{user} may not write every kind: Applications can hold only what its roles allow",
                "add the kinds that Applications bring to the controller's ClusterRole",
            )
        )
    return findings


async def check_database(settings: Settings, kubeconfig: str) -> list[Finding]:
    """PostgreSQL answers, its schema is up to date, and the login may insert and nothing else."""
    del kubeconfig
    dsn = settings.database_url
    if not dsn:
        message = "no database is given: events stay in the spool until it is full"
        return [Finding("database", "warn", message, "set SHIPSLOG_DATABASE_URL")]
    current = await migrate.current(dsn)
    newest = await asyncio.to_thread(migrate.newest)
    where = database_place(dsn)
    if current != newest:
        message = f"{where} is at schema {current or 'none'}, this version wants {newest}"
        return [Finding("database", "fail", message, "shipslog migrate")]
    findings = [Finding("database", "ok", f"{where} answers, its schema is up to date")]
    rights = await migrate.online(dsn, lambda connection: tuple(connection.exec_driver_sql(_RIGHTS).one()))
    return [*findings, *_login(*rights)]


def _login(insert: bool, change: bool, superuser: bool, owner: bool, name: str) -> list[Finding]:
    if not insert:
        remedy = "as the ledger's owner: shipslog migrate --writer-url URL_OF_THE_LOGIN"
        return [Finding("database", "fail", f"login {name} may not insert events", remedy)]
    too_much = [
        what
        for what, has in (("change events", change), ("do anything (superuser)", superuser), ("own the ledger", owner))
        if has
    ]
    if too_much:
        remedy = "give the controller a login of its own: shipslog migrate --writer-url URL makes one"
        return [Finding("database", "warn", f"login {name} may also {', '.join(too_much)}", remedy)]
    return [Finding("database", "ok", f"login {name} may insert events, and not change them")]


async def check_spool(settings: Settings, kubeconfig: str) -> list[Finding]:
    """The spool's directory can be written, and has room."""
    del kubeconfig
    return await asyncio.to_thread(_spool, settings.spool_dir)


def _spool(directory: Path) -> list[Finding]:
    existing = next(place for place in (directory, *directory.parents) if place.exists())
    remedy = "mount a writable volume there, or set SHIPSLOG_SPOOL_DIR"
    try:
        with tempfile.NamedTemporaryFile(dir=existing) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return [Finding("spool", "fail", f"{directory} can't be written: {error.strerror}", remedy)]
    if free < LEAST_SPACE:
        return [Finding("spool", "warn", f"{directory} has {free >> 20} MiB left", "give its volume space")]
    return [Finding("spool", "ok", f"{directory} can be written, {free >> 20} MiB are free")]


CHECKS: dict[str, Callable[[Settings, str], Awaitable[list[Finding]]]] = {
    "engine": check_engine,
    "git": check_git,
    "cluster": check_cluster,
    "crds": check_crds,
    "permissions": check_permissions,
    "database": check_database,
    "spool": check_spool,
}


async def examine(names: Iterable[str], settings: Settings, kubeconfig: str, seconds: float) -> list[Finding]:
    """All findings, in the order of the names; a check that fails or hangs is a finding itself."""
    answers = await asyncio.gather(*(_one(name, settings, kubeconfig, seconds) for name in names))
    return [finding for answer in answers for finding in answer]


async def _one(name: str, settings: Settings, kubeconfig: str, seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await CHECKS[name](settings, kubeconfig)
    except TimeoutError:
        return [Finding(name, "fail", f"no answer within {seconds:g} s", "see whether it is reachable from here")]
    except ShipslogError as error:
        return [Finding(name, "fail", error.message, error.remedy)]


def contains(live: Any, wanted: Any) -> bool:
    """Whether a server's answer says all that was asked for; it may say more, and leave out what is empty."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            contains(live[name], value) if name in live else not value for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(contains(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
