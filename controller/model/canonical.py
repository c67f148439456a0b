"""Canonical bytes of JSON values, and their digests."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def digest(value: Any) -> str:
    """SHA-256, in hex, of the value's JSON with sorted keys: equal digests mean equal values."""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()
