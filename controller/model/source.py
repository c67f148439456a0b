"""Source: where the manifests are, and how they are rendered."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.helm import HelmOptions
from controller.model.kustomize import KustomizeOptions
from controller.model.names import Name, Patterns, RepositoryPath
from controller.model.postbuild import PostBuild
from controller.model.ref import Ref


class PlainOptions(Strict, frozen=True, kw_only=True):
    """Take YAML and JSON files as they are."""

    recurse: Annotated[bool, Meta(description="Read directories below the path, too.")] = False
    include: Annotated[
        Patterns, Meta(description="Only files that match one of these: *, ? and [...], by name or by path.")
    ] = ()
    exclude: Annotated[Patterns, Meta(description="No files that match one of these; it wins over include.")] = ()


class Source(Strict, frozen=True, kw_only=True):
    """Where the manifests are."""

    repository: Annotated[Name, Meta(description="Name of a Repository in this namespace.")]
    ref: Annotated[Ref, Meta(description="Which commit; default: head of the default branch.")] = Ref()
    path: Annotated[RepositoryPath, Meta(description="Directory inside the repository.")] = "."
    kustomize: Annotated[KustomizeOptions | None, Meta(description="Render with Kustomize.")] = None
    helm: Annotated[HelmOptions | None, Meta(description="Render as a Helm chart.")] = None
    plain: Annotated[PlainOptions | None, Meta(description="Take files as they are.")] = None
    post_build: Annotated[PostBuild | None, Meta(description="Fill values into what was rendered.")] = None
