"""Dependency: what an Application waits for before it goes to another revision."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import Name


class Dependency(Strict, frozen=True, kw_only=True):
    """An Application of the same namespace that must be Ready first."""

    name: Annotated[Name, Meta(description="Its name.")]


Dependencies = Annotated[
    tuple[Dependency, ...],
    Meta(
        description="Applications of this namespace that must be Ready before this one goes to another revision.",
        max_length=32,
        extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    ),
]
