"""What all nouns that travel as JSON share."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any]
"""An object of the Kubernetes API, or any JSON object, as decoded."""


class Noun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A frozen value whose JSON form uses the API's camelCase names and leaves defaults out."""


class Strict(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A noun that people write by hand: an unknown field is an error, never ignored."""
