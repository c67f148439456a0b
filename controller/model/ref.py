"""Ref: which commit of a repository."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import RefName, Sha


class Ref(Strict, frozen=True, kw_only=True):
    """Which commit: exactly one field, or none for the repository's default branch."""

    branch: Annotated[RefName | None, Meta(description="Head of this branch.")] = None
    tag: Annotated[RefName | None, Meta(description="This tag.")] = None
    commit: Annotated[Sha | None, Meta(description="This commit, by its full object id.")] = None
