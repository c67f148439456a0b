"""The statements of `queries.sql`, by name."""

from __future__ import annotations

import re
from importlib import resources

_TITLE = re.compile(r"^-- (\w+) --$", re.MULTILINE)


def _load() -> dict[str, str]:
    text = resources.files("controller.record").joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = _TITLE.split(text)
    return {name: statement.strip() for name, statement in zip(parts[::2], parts[1::2], strict=True)}


QUERIES = _load()
