"""Payload: an object as the bytes of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from controller.kube.errors import Invalid

if TYPE_CHECKING:
    from controller.model.base import Json

# The server reads an apply patch as YAML. In YAML a raw line separator inside quotes is folded into a space, and
# control characters and the byte order mark are refused (YAML 1.2, sections 5.1 and 6.5); JSON allows them all.
_UNSAFE = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]|\xef\xbb\xbf|\xef\xbf[\xbe\xbf]")


def encode(body: Json, what: str) -> bytes:
    """JSON bytes; raises Invalid when the object holds what JSON or the API has no form for."""
    try:
        return orjson.dumps(body)
    except TypeError as error:
        # Says the type, such as an integer beyond 64 bits, never the value.
        raise Invalid(f"{what} can't be written as JSON: {error}") from error


def encode_apply(body: Json, what: str) -> bytes:
    """JSON bytes that mean the same when they are read as YAML."""
    return _UNSAFE.sub(_escaped, encode(body, what))


def _escaped(match: re.Match[bytes]) -> bytes:
    return f"\\u{ord(match[0].decode('utf-8')):04x}".encode()
