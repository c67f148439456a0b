"""What is asked of the render engine, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from controller.model.helm import FileParameter, HelmOptions, Parameter
from controller.model.kustomize import KustomizeOptions
from controller.model.source import PlainOptions

Kind = Literal["auto", "plain", "kustomize", "helm"]


class Limits(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Bounds of one request; what exceeds one is a `RenderError` of fault `limit`."""

    file_bytes: int = 8 << 20
    """Largest file that is read, in bytes."""
    total_bytes: int = 64 << 20
    """All files that are read together, in bytes; also an unpacked chart archive."""
    files: int = 5_000
    """Files that are read."""
    objects: int = 10_000
    """Objects of one answer."""
    output_bytes: int = 32 << 20
    """All objects of one answer together, in bytes of JSON."""
    depth: int = 100
    """Levels that a document may nest."""
    nodes: int = 500_000
    """Values of a YAML document after its aliases are expanded."""


class Helm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Parameters of a chart. Values: the chart's own < files in order < inline < parameters < file parameters."""

    release_name: str = ""
    values: dict[str, Any] = {}
    value_files: tuple[str, ...] = ()
    """Relative to the chart; relative to the repository's root with a leading slash. So are file parameters."""
    ignore_missing_value_files: bool = False
    parameters: tuple[Parameter, ...] = ()
    file_parameters: tuple[FileParameter, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False


class Plain(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which YAML and JSON files of a directory count.

    A pattern (`*`, `?`, `[...]`) is held against the path below the root, against every directory above it and,
    when it has no slash, against the file's name. Hidden files never count.
    """

    recurse: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Variables(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Values for `${name}` in finished objects. What a name in `secret` stands for is never part of a message."""

    values: dict[str, str] = {}
    secret: tuple[str, ...] = ()


class EngineRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One directory to be rendered, in the engine's words."""

    kind: Kind
    root: str
    namespace: str
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    helm: Helm = Helm()
    kustomize: KustomizeOptions = KustomizeOptions()
    plain: Plain = Plain()
    limits: Limits = Limits()
    variables: Variables | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderRequest:
    """One directory to be rendered.

    `root` is relative to the repository's root (`.` or "" for the root itself). `name` is the Application's: a
    chart's release is called so unless `helm.release_name` says otherwise. `namespace` is where objects go that name
    none: `.Release.Namespace` for a chart, and part of an object's identity. `kube_version` and `api_versions` are
    what `.Capabilities` says; "" takes the version that the Helm library was built with.

    With kind `auto` the directory's files decide. `helm`, `kustomize` and `plain` take the spec's options as they
    are. With `variables`, `${name}` in finished objects is filled in; one without a value and a default is an error.
    `tenant` is on whose behalf it is done: they take turns, and the result is the same for all.
    """

    root: str
    kind: Kind = "auto"
    name: str = "release-name"
    namespace: str = "default"
    helm: Helm | HelmOptions | None = None
    kustomize: KustomizeOptions | None = None
    plain: Plain | PlainOptions | None = None
    variables: Variables | None = None
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    tenant: str = ""

    def for_engine(self) -> EngineRequest:
        """Return the request as the engine reads it."""
        helm = Helm(**_common(self.helm, Helm))
        return EngineRequest(
            kind=self.kind,
            root="/".join(part for part in self.root.split("/") if part not in ("", ".")),
            namespace=self.namespace,
            kube_version=self.kube_version,
            api_versions=tuple(sorted(self.api_versions)),
            helm=msgspec.structs.replace(helm, release_name=helm.release_name or self.name),
            kustomize=self.kustomize or KustomizeOptions(),
            plain=Plain(**_common(self.plain, Plain)),
            variables=self.variables,
            limits=self.limits,
        )


def _common(options: msgspec.Struct | None, target: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the fields of the spec's options that the engine knows; what is not set keeps the engine's default."""
    values = {name: getattr(options, name, None) for name in target.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None}


class Hook(msgspec.Struct, frozen=True, rename="camel"):
    """What Helm's annotations say of an object that is a hook; tests are hooks with the event `test`."""

    events: tuple[str, ...]
    weight: int
    delete_policies: tuple[str, ...]


class RenderedObject(msgspec.Struct, frozen=True):
    """One manifest, and the file of the repository that it came from."""

    body: dict[str, Any] = msgspec.field(name="object")
    source: str = msgspec.field(name="file")
    hook: Hook | None = None
    secret: bool = False
    """A Secret's value was filled into it."""
    placed: bool = False
    """Its file names no namespace: Kustomize put it there, whatever the kind."""


class Dependency(msgspec.Struct, frozen=True):
    """A path that a result depends on.

    `used` says how: as a `blob`'s content, as the names and files of one `listing`, as a whole `subtree`, as a
    `dir` that exists, or as `none` (it was looked for in vain).
    """

    path: str
    used: Literal["blob", "listing", "subtree", "dir", "none"] = msgspec.field(name="as")


class Rendered(msgspec.Struct, frozen=True, kw_only=True, weakref=True):
    """What a directory renders to.

    `kind` is what it was rendered as, never `auto`. `digest` is the SHA-256 of the objects in canonical form,
    whatever their order. While someone holds a result, the same content gives the same object. `nondeterministic`
    says that the chart makes random or dated content: the first result of a content is kept as long as the cache
    lives.
    """

    objects: tuple[RenderedObject, ...]
    kind: Literal["plain", "kustomize", "helm"]
    warnings: tuple[str, ...]
    dependencies: tuple[Dependency, ...]
    digest: str
    nondeterministic: bool
