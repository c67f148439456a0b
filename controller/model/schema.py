"""Structural OpenAPI v3 schemas of the nouns, as CustomResourceDefinitions take them.

What Kubernetes asks of them beyond JSON Schema (structural schemas, KEP-1615 of the CRD documentation): no `$ref`, no
`anyOf` with null, no `additionalProperties: false` beside `properties` (unknown fields are pruned, or refused under
strict field validation), a `type` everywhere.
"""

from __future__ import annotations

import enum
import inspect
from typing import Any

import msgspec
from msgspec import NODEFAULT
from msgspec import inspect as types

from controller.model.base import Json
from controller.model.rules import meaning, rules

INT32 = 2**31 - 1


def schema(noun: type[msgspec.Struct], *, wish: bool) -> Json:
    """The schema of a noun's JSON form.

    A `wish` (a spec) is written by people: the API server fills in the Struct's defaults, and says in words what a
    pattern asks for. A status is written by us: filled in, it would say things that nobody saw.

    Raises TypeError that names the field for a type that a structural schema can't say.
    """
    described = types.type_info(noun)
    if not isinstance(described, types.StructType):
        raise TypeError(f"{noun.__name__} is no Struct")
    return _struct(described, wish=wish)


def _struct(described: types.StructType, *, wish: bool) -> Json:
    answer: Json = {"description": inspect.cleandoc(described.cls.__doc__ or ""), "type": "object"}
    if described.fields:
        answer["properties"] = {
            field.encode_name: _field(described.cls, field, wish=wish) for field in described.fields
        }
    required = [field.encode_name for field in described.fields if field.required]
    if required:
        answer["required"] = required
    return _ruled(answer, rules(described.cls))


def _field(owner: type, field: types.Field, *, wish: bool) -> Json:
    try:
        answer = _type(field.type, wish=wish)
    except TypeError as error:
        raise TypeError(f"{owner.__name__}.{field.name}: {error}") from error
    if wish:
        answer |= _default(field)
    return _ruled(answer, rules(owner, field.name))


def _default(field: types.Field) -> Json:
    filled = _filled(field.default)
    return {} if filled in (None, ()) else {"default": filled}


def _filled(value: Any) -> Any:
    """A default in full: the API server tries CEL rules on it before it fills in the defaults inside of it."""
    if not isinstance(value, msgspec.Struct):
        return None if value is NODEFAULT else msgspec.to_builtins(value)
    fields = {field.encode_name: _filled(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    return {name: inner for name, inner in fields.items() if inner not in (None, ())}


def _type(described: types.Type, *, wish: bool) -> Json:
    match described:
        case types.Metadata(type=inner, extra_json_schema=extra):
            merged = _type(inner, wish=wish) | (extra or {})
            return {name: value for name, value in merged.items() if value is not None}
        case types.UnionType(types=members):
            return _optional(members, wish=wish)
        case types.StructType():
            return _struct(described, wish=wish)
        case types.VarTupleType(item_type=item):
            return {"type": "array", "items": _type(item, wish=wish)} | _bounds(
                minItems=described.min_length, maxItems=described.max_length
            )
        case types.DictType():
            return _map(described, wish=wish)
    return _scalar(described, wish=wish)


def _map(described: types.DictType, *, wish: bool) -> Json:
    if isinstance(described.value_type, types.AnyType):
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    # A pattern of the keys can't be said in a structural schema: that takes a rule.
    answer: Json = {"type": "object", "additionalProperties": _type(described.value_type, wish=wish)}
    return answer | _bounds(maxProperties=described.max_length)


def _optional(members: tuple[types.Type, ...], *, wish: bool) -> Json:
    """`X | None` is X: the API server drops a null of a field that is not nullable, so absent is the only "none"."""
    present = [member for member in members if not isinstance(member, types.NoneType)]
    if len(present) != 1:
        raise TypeError("a structural schema can't say one of several types")
    return _type(present[0], wish=wish)


def _scalar(described: types.Type, *, wish: bool) -> Json:
    match described:
        case types.StrType(min_length=low, max_length=high, pattern=pattern):
            told = [meaning(pattern)] if pattern and wish else []
            return _ruled({"type": "string"} | _bounds(minLength=low, maxLength=high, pattern=pattern), told)
        case types.IntType(ge=low, le=high):
            small = high is not None and high <= INT32
            return {"type": "integer", "format": "int32" if small else "int64"} | _bounds(minimum=low, maximum=high)
        case types.BoolType():
            return {"type": "boolean"}
        case types.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case types.EnumType(cls=cls):
            return {"type": "string", "enum": _values(cls)}
    raise TypeError(f"a structural schema has no {type(described).__name__}")


def _values(cls: type[enum.Enum]) -> list[Any]:
    return [member.value for member in cls]


def _bounds(**bounds: float | str | None) -> Json:
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _ruled(answer: Json, added: list[Json]) -> Json:
    known = answer.get("x-kubernetes-validations", [])
    return answer | {"x-kubernetes-validations": [*known, *added]} if added else answer
