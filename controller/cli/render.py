"""`shipslog render`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli import options, output, yaml
from controller.cli.engine import engine
from controller.cli.exits import NotFound
from controller.cli.rendering import pairs, request_of, request_of_application
from controller.cli.table import Table, clean
from controller.render import DirectoryTree, RenderError, RenderRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.render import Rendered

EMPTY = "The directory holds no objects."
_PATH = re.compile(r"(?<![\w./-])[\w.][\w./@+-]*\.[\w@+-]+(?![\w/])|(?<![\w./-])[\w.][\w./@+-]*/[\w./@+-]*\w")
"""What may be the path of a file or directory."""
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
@options.option(
    "--set", "set_", multiple=True, metavar="PATH=VALUE", help="Helm: one value, as helm's --set; repeatable."
)
@options.option("--set-string", multiple=True, metavar="PATH=TEXT", help="Helm: one value that is text.")
@options.option("--set-file", multiple=True, metavar="PATH=FILE", help="Helm: one value that is a file's content.")
@options.option("--kube-version", default="", help="Helm: .Capabilities.KubeVersion. Default: the engine's.")
@options.option("--api-version", "api_versions", multiple=True, help="Helm: one of .Capabilities.APIVersions.")
@options.option("--skip-crds", is_flag=True, default=False, help="Helm: leave out what is in crds/.")
@options.option("--skip-tests", is_flag=True, default=False, help="Helm: leave out test hooks.")
@options.option("--skip-schema-validation", is_flag=True, default=False, help="Helm: don't check values by the schema.")
@options.option("--skip-hooks", is_flag=True, default=False, help="Helm: leave out hooks, which a sync does not apply.")
@options.option("--recurse", is_flag=True, default=False, help="Plain: read directories below PATH, too.")
@options.option("--include", multiple=True, metavar="PATTERN", help="Plain: only files that match one; repeatable.")
@options.option("--exclude", multiple=True, metavar="PATTERN", help="Plain: no files that match one; repeatable.")
@options.option("--name-prefix", metavar="TEXT", help="Kustomize: before every name.")
@options.option("--name-suffix", metavar="TEXT", help="Kustomize: after every name.")
@options.option("--image", multiple=True, metavar="NAME=NEW:TAG", help="Kustomize: another image; also NAME@DIGEST.")
@options.option("--replicas", multiple=True, metavar="NAME=COUNT", help="Kustomize: replicas of a workload.")
@options.option("--label", multiple=True, metavar="NAME=VALUE", help="Kustomize: a label, in selectors, too.")
@options.option("--annotation", multiple=True, metavar="NAME=VALUE", help="Kustomize: an annotation.")
@options.option("--component", multiple=True, metavar="DIR", help="Kustomize: a component, relative to PATH.")
@options.option("--substitute", multiple=True, metavar="NAME=VALUE", help="Value for ${NAME} in what is rendered.")
@options.option(
    "--application",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with an Application: its source's options and its destination count instead of those given here.",
)
@options.output("yaml")
@options.engine
def command(directory: Path, form: output.Format, path: str, skip_hooks: bool, **given: Any) -> None:
    """Print the objects that a local directory renders to, as a sync would want them.

    Files are read as they are on disk, committed or not. Symbolic links are not followed.
    """
    files = [*given["values"], *(Path(file) for file in pairs("--set-file", given["set_file"]).values())]
    root = root_of(directory, given["root"], files)
    request = request_of(directory.resolve(), root, given)
    rendered = asyncio.run(_render(root, request, path, given))
    for warning in rendered.warnings:
        print(f"warning: {clean(warning)}", file=sys.stderr)
    chosen = [one for one in rendered.objects if not (skip_hooks and one.hook)]
    if not chosen and form != "table":
        print(EMPTY, file=sys.stderr)
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
            empty=EMPTY,
        ),
    )


def root_of(directory: Path, root: Path | None, files: Sequence[Path]) -> Path:
    """The repository's root: what is given, else of the Git checkout, else the disk's; above all files given."""
    inside = directory.resolve()
    if root is None:
        checkout = next((place for place in (inside, *inside.parents) if (place / ".git").exists()), None)
        root = checkout or Path(inside.anchor)
    root = root.resolve()
    if not inside.is_relative_to(root):
        raise NotFound(f"{directory} is not below {root}", remedy="give a --root that is above PATH")
    return Path(os.path.commonpath([root, *(file.resolve() for file in files)]))


async def _render(root: Path, request: RenderRequest, path: str, given: dict[str, Any]) -> Rendered:
    async with engine(path) as renderer:
        if given["application"]:
            values = pairs("--substitute", given["substitute"])
            place: Path = given["application"]
            data = await asyncio.to_thread(place.read_bytes)
            request = await request_of_application(request, place, data, values, renderer)
        try:
            return await renderer.render(DirectoryTree(root), request)
        except OSError as error:
            raise RenderError(f"{error.filename}: {error.strerror}", file=str(error.filename)) from error
        except RenderError as error:
            file = _shown(root, error.file) if error.file else ""
            message = located(error.message, root, request.root)
            raise RenderError(message, remedy=error.remedy, fault=error.fault, file=file, line=error.line) from None


def located(message: str, root: Path, directory: str) -> str:
    """A message whose paths, which are the repository's, are those of the disk from where the user stands.

    A path is what is there, or would be a file below the directory that was rendered.
    """

    def found(match: re.Match[str]) -> str:
        name = match[0]
        below = name.startswith(f"{directory}/") and "." in name.rpartition("/")[2]
        return _shown(root, name) if below or os.path.lexists(root / name) else name

    return _PATH.sub(found, message)


def _shown(root: Path, file: str) -> str:
    """A file of the repository as the user finds it from where they stand."""
    return os.path.relpath(root / file)
