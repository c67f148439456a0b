"""What is filled into rendered objects: values for `${name}`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from controller.model.base import Strict
from controller.model.names import Name

VARIABLE = r"^[_A-Za-z][_A-Za-z0-9]*$"
Variables = Annotated[dict[str, Annotated[str, Meta(max_length=16 << 10)]], Meta(max_length=256)]


class SubstituteReference(Strict, frozen=True, kw_only=True):
    """A ConfigMap or Secret of the Application's namespace whose keys are variables."""

    kind: Annotated[Literal["ConfigMap", "Secret"], Meta(description="ConfigMap or Secret.")]
    name: Annotated[Name, Meta(description="Its name.")]
    optional: Annotated[bool, Meta(description="It may be missing.")] = False


class PostBuild(Strict, frozen=True, kw_only=True):
    """Values for `${name}` in what was rendered. A name without a value and without a default is an error."""

    substitute: Annotated[Variables | None, Meta(description="Variables by name; they win over substituteFrom.")] = None
    substitute_from: Annotated[
        tuple[SubstituteReference, ...],
        Meta(description="More variables; later entries win.", max_length=32),
    ] = ()
    substitute_strategy: Annotated[
        Literal["WithVariables", "Always"],
        Meta(description="WithVariables leaves everything as it is where there is no variable at all."),
    ] = "WithVariables"
