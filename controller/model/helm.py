"""How an Application renders a Helm chart."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import NAME, RepositoryPath

VALUE_BYTES = 64 << 10
KUBE_VERSION = r"^v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+][0-9A-Za-z.+-]+)?$"
ValuePath = Annotated[str, Meta(min_length=1, max_length=1024)]
"""Where a value is, as Helm's --set writes it: `outer.inner`, `list[0]`."""


class Parameter(Strict, frozen=True, kw_only=True):
    """One value, as --set gives it."""

    name: Annotated[ValuePath, Meta(description="Where the value is, as in outer.inner or list[0].")]
    value: Annotated[
        str, Meta(description="The value; {a,b} is a list, a comma elsewhere is a comma.", max_length=VALUE_BYTES)
    ] = ""
    force_string: Annotated[bool, Meta(description="A string whatever it looks like, as --set-string.")] = False


class FileParameter(Strict, frozen=True, kw_only=True):
    """One value that is a file's content, as --set-file gives it."""

    name: Annotated[ValuePath, Meta(description="Where the value is, as in outer.inner or list[0].")]
    path: Annotated[RepositoryPath, Meta(description="The file, relative to the chart; `../` stays in the repository.")]


class HelmOptions(Strict, frozen=True, kw_only=True):
    """Render as a Helm chart."""

    release_name: Annotated[
        Annotated[str, Meta(max_length=53, pattern=NAME)] | None, Meta(description="Default: the Application's name.")
    ] = None
    value_files: Annotated[
        tuple[RepositoryPath, ...],
        Meta(
            description="Values files relative to the chart, later ones win; `../` stays in the repository.",
            max_length=64,
        ),
    ] = ()
    ignore_missing_value_files: Annotated[
        bool, Meta(description="Leave out values files that the revision does not have.")
    ] = False
    values: Annotated[dict[str, Any] | None, Meta(description="Values; they win over value files.")] = None
    parameters: Annotated[
        tuple[Parameter, ...],
        Meta(
            description="Single values; they win over values, those that are forced to be strings over others.",
            max_length=256,
        ),
    ] = ()
    file_parameters: Annotated[
        tuple[FileParameter, ...],
        Meta(description="Single values from files; they win over parameters.", max_length=64),
    ] = ()
    kube_version: Annotated[
        Annotated[str, Meta(max_length=63, pattern=KUBE_VERSION)] | None,
        Meta(description="What .Capabilities.KubeVersion says. Default: the cluster's."),
    ] = None
    api_versions: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=317)], ...],
        Meta(
            description="What .Capabilities.APIVersions has, as group/version or group/version/Kind. "
            "Default: what the cluster serves.",
            max_length=1024,
        ),
    ] = ()
    skip_crds: Annotated[bool, Meta(description="Leave out what is in crds/.")] = False
    skip_tests: Annotated[bool, Meta(description="Leave out test hooks.")] = False
    skip_schema_validation: Annotated[bool, Meta(description="Don't hold values against values.schema.json.")] = False
