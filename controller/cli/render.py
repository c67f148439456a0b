"""`shipslog render`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from controller.cli import options, output, yaml
from controller.cli.engine import engine
from controller.cli.exits import NotFound
from controller.cli.table import Table, clean
from controller.render import DirectoryTree, Helm, Plain, RenderError, RenderRequest

if TYPE_CHECKING:
    from controller.render import Rendered

KINDS = ["auto", "plain", "kustomize", "helm"]


@click.command("render")
@click.argument("directory", metavar="PATH", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.option("--kind", type=click.Choice(KINDS), default="auto", show_default=True, help="What the directory is.")
@options.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What PATH may refer to: the repository's root. Default: of the Git checkout around it, else the whole disk.",
)
@options.option("-n", "--namespace", default="default", show_default=True, help="For objects that name none.")
@options.option("--release", default="release-name", show_default=True, help="Helm: name of the release.")
@options.option(
    "-f",
    "--values",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Helm: a file with values; repeatable, later ones win.",
)
@options.option("--set-json", multiple=True, metavar="PATH=JSON", help="Helm: one value, as in image.tag='\"1.2\"'.")
@options.option("--kube-version", default="", help="Helm: .Capabilities.KubeVersion. Default: the engine's.")
@options.option("--api-version", "api_versions", multiple=True, help="Helm: one of .Capabilities.APIVersions.")
@options.option("--skip-crds", is_flag=True, default=False, help="Helm: leave out what is in crds/.")
@options.option("--skip-hooks", is_flag=True, default=False, help="Helm: leave out hooks, which a sync does not apply.")
@options.option("--recurse", is_flag=True, default=False, help="Plain: read directories below PATH, too.")
@options.output("yaml")
@options.engine
def command(directory: Path, form: output.Format, path: str, skip_hooks: bool, **given: Any) -> None:
    """Print the objects that a local directory renders to, as a sync would want them.

    Files are read as they are on disk, committed or not. Symbolic links are not followed.
    """
    root = root_of(directory, given["root"], given["values"])
    request = request_of(directory.resolve(), root, given)
    rendered = asyncio.run(_render(root, request, path))
    for warning in rendered.warnings:
        print(f"warning: {clean(warning)}", file=sys.stderr)
    chosen = [one for one in rendered.objects if not (skip_hooks and one.hook)]
    if form == "yaml":
        sys.stdout.write(yaml.dump_all(one.body for one in chosen))
        return
    output.emit(
        form,
        [one.body for one in chosen],
        lambda: Table(
            ("Kind", "Namespace", "Name", "File", "Hook"),
            [
                (
                    str(one.body["kind"]),
                    str(one.body["metadata"].get("namespace") or ""),
                    str(one.body["metadata"]["name"]),
                    _shown(root, one.source),
                    ", ".join(one.hook.events) if one.hook else "",
                )
                for one in chosen
            ],
            empty="The directory holds no objects.",
        ),
    )


def root_of(directory: Path, root: Path | None, values: tuple[Path, ...]) -> Path:
    """The repository's root: what is given, else of the Git checkout, else the disk's; above all values files."""
    inside = directory.resolve()
    if root is None:
        checkout = next((place for place in (inside, *inside.parents) if (place / ".git").exists()), None)
        root = checkout or Path(inside.anchor)
    root = root.resolve()
    if not inside.is_relative_to(root):
        raise NotFound(f"{directory} is not below {root}", remedy="give a --root that is above PATH")
    return Path(os.path.commonpath([root, *(file.resolve() for file in values)]))


def request_of(inside: Path, root: Path, given: dict[str, Any]) -> RenderRequest:
    """What the engine is asked for."""
    return RenderRequest(
        root=inside.relative_to(root).as_posix(),
        kind=given["kind"],
        namespace=given["namespace"],
        kube_version=given["kube_version"],
        api_versions=given["api_versions"],
        helm=Helm(
            release_name=given["release"],
            values=values_of(given["set_json"]),
            value_files=tuple(f"/{file.resolve().relative_to(root).as_posix()}" for file in given["values"]),
            skip_crds=given["skip_crds"],
        ),
        plain=Plain(recurse=given["recurse"]),
    )


def values_of(assignments: tuple[str, ...]) -> dict[str, Any]:
    """Nested values of `a.b=JSON` assignments; raises BadParameter that names the one that is wrong."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        *parents, last = path.split(".")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            equals = ""
        if not equals or not all((*parents, last)):
            raise click.BadParameter(f"{assignment!r} is not of the form path.to.value=JSON", param_hint="--set-json")
        place = values
        for name in parents:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise click.BadParameter(f"{assignment!r}: {name} has a value already", param_hint="--set-json")
        place[last] = value
    return values


async def _render(root: Path, request: RenderRequest, path: str) -> Rendered:
    async with engine(path) as renderer:
        try:
            return await renderer.render(DirectoryTree(root), request)
        except OSError as error:
            raise RenderError(f"{error.filename}: {error.strerror}", file=str(error.filename)) from error
        except RenderError as error:
            if not error.file:
                raise
            file = _shown(root, error.file)
            message = error.message.replace(error.file, file, 1)
            raise RenderError(message, remedy=error.remedy, cause=error.cause, file=file, line=error.line) from None


def _shown(root: Path, file: str) -> str:
    """A file of the repository as the user finds it from where they stand."""
    return os.path.relpath(root / file)
