"""Ref: which commit of a repository."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import FullRefName, RefName, Sha


class Ref(Strict, frozen=True, kw_only=True):
    """Which commit: exactly one field, or none for the repository's default branch."""

    branch: Annotated[RefName | None, Meta(description="Head of this branch.")] = None
    tag: Annotated[RefName | None, Meta(description="This tag.")] = None
    semver: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(
            description="The tag with the highest version in this range, as in `>=1.2 <2`, `^1.2` or `1.2.x`; tags may "
            "begin with `v`. Pre-releases count only when the range names one, as in `>=1.0.0-0`."
        ),
    ] = None
    commit: Annotated[Sha | None, Meta(description="This commit, by its full object id.")] = None
    name: Annotated[
        FullRefName | None, Meta(description="Any ref of the server by its full name, as in `refs/pull/42/head`.")
    ] = None


DEFAULT = Ref()
"""The head of the default branch."""
