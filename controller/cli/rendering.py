"""From what `shipslog render` is given to what the engine is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import orjson

from controller.cli import documents
from controller.cli.exits import NotFound
from controller.model.application import ApplicationSpec
from controller.model.helm import FileParameter, Parameter
from controller.model.kustomize import Image, KustomizeOptions, Replica
from controller.model.labels import API_VERSION
from controller.render import Helm, Plain, RenderRequest, Variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json
    from controller.render import Renderer

_IMAGE = re.compile(r"(?P<name>[^=@]+?)(?:=(?P<new>[^@]*?))?(?::(?P<tag>[^:/@=]+))?(?:@(?P<digest>[^@]+))?")


def request_of(inside: Path, root: Path, given: dict[str, Any]) -> RenderRequest:
    """What the engine is asked for, by the options alone."""
    variables = pairs("--substitute", given["substitute"])
    return RenderRequest(
        root=inside.relative_to(root).as_posix(),
        kind=given["kind"],
        namespace=given["namespace"],
        kube_version=given["kube_version"],
        api_versions=given["api_versions"],
        helm=_helm(root, given),
        kustomize=_kustomize(given),
        plain=Plain(recurse=given["recurse"], include=given["include"], exclude=given["exclude"]),
        variables=Variables(values=variables) if variables else None,
    )


async def request_of_application(
    request: RenderRequest, file: Path, data: bytes, substitute: dict[str, str], renderer: Renderer
) -> RenderRequest:
    """The request as the controller would make it for the Application in a file, `data`; `substitute` has the rest.

    Raises NotFound where the file has no Application, RenderError for what is no YAML.
    """
    body = _application(str(file), await documents.read(str(file), data, renderer))
    try:
        spec = msgspec.convert(body["spec"], ApplicationSpec)
    except (msgspec.ValidationError, KeyError) as error:
        raise click.BadParameter(f"{file}: {error}", param_hint="--application") from error
    source = spec.source
    post = source.post_build
    values = {**((post.substitute if post else None) or {}), **substitute}
    wanted = bool(values) or (post is not None and post.substitute_strategy == "Always")
    helm = source.helm
    return RenderRequest(
        root=request.root,
        kind="kustomize" if source.kustomize else "helm" if helm else "plain" if source.plain else "auto",
        name=body["metadata"]["name"],
        namespace=spec.destination.namespace,
        kube_version=request.kube_version or (helm.kube_version if helm else None) or "",
        api_versions=request.api_versions or (helm.api_versions if helm else ()),
        helm=helm,
        kustomize=source.kustomize,
        plain=source.plain,
        variables=Variables(values=values) if wanted else None,
    )


def _application(name: str, bodies: Sequence[Json]) -> Json:
    found = [body for body in bodies if (body.get("apiVersion"), body["kind"]) == (API_VERSION, "Application")]
    if len(found) != 1:
        raise NotFound(f"{name} holds {len(found)} Applications", remedy="name a file with one")
    return found[0]


def _helm(root: Path, given: dict[str, Any]) -> Helm:
    files = [(name, Path(path)) for name, path in pairs("--set-file", given["set_file"]).items()]
    for name, path in files:
        if not path.is_file():
            raise click.BadParameter(f"{name}={path}: there is no such file", param_hint="--set-file")
    return Helm(
        release_name=given["release"],
        values=values_of(given["set_json"]),
        value_files=tuple(in_root(root, file) for file in given["values"]),
        parameters=(
            *(Parameter(name=name, value=value) for name, value in _assigned("--set", given["set_"])),
            *(
                Parameter(name=name, value=value, force_string=True)
                for name, value in _assigned("--set-string", given["set_string"])
            ),
        ),
        file_parameters=tuple(FileParameter(name=name, path=in_root(root, path)) for name, path in files),
        skip_crds=given["skip_crds"],
        skip_tests=given["skip_tests"],
        skip_schema_validation=given["skip_schema_validation"],
    )


def _kustomize(given: dict[str, Any]) -> KustomizeOptions:
    replicas = _assigned("--replicas", given["replicas"])
    for name, count in replicas:
        if not count.isdigit():
            raise click.BadParameter(f"{name}={count}: {count!r} is no number", param_hint="--replicas")
    return KustomizeOptions(
        name_prefix=given["name_prefix"],
        name_suffix=given["name_suffix"],
        images=tuple(image_of(text) for text in given["image"]),
        replicas=tuple(Replica(name=name, count=int(count)) for name, count in replicas),
        common_labels=pairs("--label", given["label"]) or None,
        common_annotations=pairs("--annotation", given["annotation"]) or None,
        components=given["component"],
    )


def in_root(root: Path, file: Path) -> str:
    """A file as the engine finds it from the repository's root."""
    return f"/{file.resolve().relative_to(root).as_posix()}"


def image_of(text: str) -> Image:
    """An image as `kustomize edit set image` takes it: NAME[=NEW][:TAG][@DIGEST]."""
    hit = _IMAGE.fullmatch(text)
    if hit is None or not any((hit["new"], hit["tag"], hit["digest"])):
        raise click.BadParameter(
            f"{text!r} is not of the form NAME=NEW:TAG, NAME:TAG or NAME@DIGEST", param_hint="--image"
        )
    return Image(name=hit["name"], new_name=hit["new"] or None, new_tag=hit["tag"], digest=hit["digest"])


def pairs(option: str, assignments: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` assignments, later ones win."""
    return dict(_assigned(option, assignments))


def _assigned(option: str, assignments: tuple[str, ...]) -> list[tuple[str, str]]:
    """Raises BadParameter that names the one that is wrong."""
    found = []
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{assignment!r} is not of the form NAME=VALUE", param_hint=option)
        found.append((name, value))
    return found


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
