"""Reference of the metrics."""

from __future__ import annotations

from controller.metrics import Metrics
from docs.generator import markdown
from docs.generator.markdown import code, table

INTRODUCTION = """\
What `/metrics` says, in the names that a query uses: counters end in `_total`, a histogram named X is queried as
`X_bucket`, `X_sum` and `X_count`. Times are in seconds, sizes in bytes. No label holds a revision, a path or a
message, so the number of series is bounded by the number of Applications, Repositories and Clusters."""


def page() -> str:
    """All families."""
    rows = [
        [code(family.name), family.type, ", ".join(code(label) for label in family.labels), family.help]
        for family in Metrics().families()
    ]
    return markdown.page("Metrics", INTRODUCTION, table(["Metric", "Type", "Labels", "What it says"], rows))
