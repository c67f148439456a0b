"""What an Application changes of the kustomization it renders."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import NAMESPACE, RepositoryPath

Text = Annotated[str, Meta(max_length=253)]
Pairs = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=317)], Annotated[str, Meta(max_length=4096)]],
    Meta(max_length=64),
]
PATCH_BYTES = 64 << 10


class Image(Strict, frozen=True, kw_only=True):
    """Another name, tag or digest for an image, wherever it stands; merged by name with the file's own."""

    name: Annotated[
        str, Meta(description="The image as manifests name it, without a tag.", min_length=1, max_length=253)
    ]
    new_name: Annotated[Text | None, Meta(description="Another registry or repository.")] = None
    new_tag: Annotated[Text | None, Meta(description="Another tag; it takes the place of a digest.")] = None
    digest: Annotated[Text | None, Meta(description="A digest, as in sha256:...; it takes the place of a tag.")] = None


class Replica(Strict, frozen=True, kw_only=True):
    """How many replicas a workload has."""

    name: Annotated[str, Meta(description="The workload's name as the base has it.", min_length=1, max_length=253)]
    count: Annotated[int, Meta(description="Replicas.", ge=0, le=1_000_000)]


class PatchTarget(Strict, frozen=True, kw_only=True):
    """Which objects a patch is for: all given fields must match; group to namespace are regular expressions."""

    group: Annotated[Text | None, Meta(description="Group of the API.")] = None
    version: Annotated[Text | None, Meta(description="Version of the API.")] = None
    kind: Annotated[Text | None, Meta(description="Kind.")] = None
    name: Annotated[Text | None, Meta(description="Name as the base has it.")] = None
    namespace: Annotated[Text | None, Meta(description="Namespace as the base has it.")] = None
    label_selector: Annotated[Text | None, Meta(description="Labels, as kubectl's --selector takes them.")] = None
    annotation_selector: Annotated[Text | None, Meta(description="Annotations, written like a label selector.")] = None


class PatchOptions(Strict, frozen=True, kw_only=True):
    """What a patch may change beyond fields."""

    allow_name_change: Annotated[bool, Meta(description="The patch may give the object another name.")] = False
    allow_kind_change: Annotated[bool, Meta(description="The patch may make another kind of it.")] = False


class Patch(Strict, frozen=True, kw_only=True):
    """A strategic merge patch or a JSON patch (RFC 6902), appended to the file's own."""

    patch: Annotated[
        Annotated[str, Meta(max_length=PATCH_BYTES)] | None, Meta(description="The patch as YAML or JSON.")
    ] = None
    path: Annotated[
        RepositoryPath | None, Meta(description="A file with the patch, relative to the kustomization.")
    ] = None
    target: Annotated[
        PatchTarget | None,
        Meta(description="Which objects; without it, the one that a strategic merge patch names itself."),
    ] = None
    options: Annotated[PatchOptions | None, Meta(description="What it may change beyond fields.")] = None


class KustomizeOptions(Strict, frozen=True, kw_only=True):
    """Render with Kustomize, with these changes to the directory's kustomization file.

    A directory without one is taken as if it had one that names all YAML files and kustomizations below it.
    """

    name_prefix: Annotated[Text | None, Meta(description="Before every name; it replaces the file's own.")] = None
    name_suffix: Annotated[Text | None, Meta(description="After every name; it replaces the file's own.")] = None
    namespace: Annotated[
        Annotated[str, Meta(max_length=63, pattern=NAMESPACE)] | None,
        Meta(description="Namespace of every object; it replaces the file's own."),
    ] = None
    images: Annotated[
        tuple[Image, ...], Meta(description="Other names, tags or digests for images.", max_length=128)
    ] = ()
    replicas: Annotated[tuple[Replica, ...], Meta(description="Replicas by workload.", max_length=128)] = ()
    common_labels: Annotated[
        Pairs | None, Meta(description="Labels of every object, in selectors and templates, too.")
    ] = None
    label_without_selector: Annotated[bool, Meta(description="Keep commonLabels out of selectors and templates.")] = (
        False
    )
    label_include_templates: Annotated[
        bool, Meta(description="With labelWithoutSelector: put commonLabels into templates all the same.")
    ] = False
    common_annotations: Annotated[Pairs | None, Meta(description="Annotations of every object.")] = None
    patches: Annotated[
        tuple[Patch, ...], Meta(description="Patches after the file's own, in this order.", max_length=64)
    ] = ()
    components: Annotated[
        tuple[RepositoryPath, ...],
        Meta(description="Components after the file's own: directories relative to the kustomization.", max_length=64),
    ] = ()
    ignore_missing_components: Annotated[
        bool, Meta(description="Leave out components that the revision does not have.")
    ] = False
