"""The shapes of names: of objects, of refs, of paths in a repository."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REF_NAME = r"^[^-/\s~^:?*\[\\\x00-\x1f\x7f][^\s~^:?*\[\\\x00-\x1f\x7f]*$"
FULL_REF_NAME = r"^refs/[^\s~^:?*\[\\\x00-\x1f\x7f]+$"
NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SHA = "^[0-9a-f]{40}([0-9a-f]{24})?$"
Name = Annotated[str, Meta(pattern=NAME, min_length=1, max_length=253)]
RefName = Annotated[
    str,
    # From git-check-ref-format(1); no leading dash, so that it is never taken for an option.
    Meta(pattern=REF_NAME, min_length=1, max_length=255),
]
FullRefName = Annotated[str, Meta(pattern=FULL_REF_NAME, min_length=6, max_length=255)]
Sha = Annotated[str, Meta(pattern=SHA, max_length=64)]
RepositoryPath = Annotated[str, Meta(min_length=1, max_length=1024)]
Patterns = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=64)]
