"""Details of an event, cut to what a record may hold: what is left out is counted."""

from __future__ import annotations

from typing import Any

import msgspec

BUDGET = 48 << 10
"""Bytes of one event's details: a record holds 64 KiB with all its fields (see `controller.record.body`)."""


def brief(detail: dict[str, Any], *given_up: str) -> dict[str, Any]:
    """The same details within the budget.

    Of the lists and mappings named by `given_up`, the first is cut first, by halves, until all fits; under its name
    with `Omitted` stands how many entries are left out.
    """
    cut = dict(detail)
    for name in given_up:
        entries = list(cut[name].items()) if isinstance(cut[name], dict) else list(cut[name])
        kept = len(entries)
        while _size(cut) > BUDGET and kept:
            kept //= 2
            part = entries[:kept]
            cut[name] = dict(part) if isinstance(detail[name], dict) else part
            cut[f"{name}Omitted"] = len(entries) - kept
    return cut


def _size(detail: dict[str, Any]) -> int:
    return len(msgspec.json.encode(detail))
