"""What the controller works through: looks at Applications, their stages, runs, and the queue before them."""

from __future__ import annotations

from controller.metrics.registry import LONG, SHORT, Registry
from controller.model.run import FINAL, Trigger

STAGES = ("fetch", "render", "diff", "apply", "record")
"""The stages that take time: live state is read from memory, and judging computes."""
OUTCOMES = tuple(sorted(FINAL))
FATES = ("done", "waiting", "not_ready", "transient", "terminal")


class WorkMetrics(Registry):
    """Runs that ended, looks at Applications and what they took, who waits and who works."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = self._counter("runs", "Runs that ended.", "trigger", "outcome")
        self._zero(self.runs, trigger=Trigger, outcome=OUTCOMES)
        self.reconciles = self._counter(
            "reconciles", "Times an Application was looked at, by what became of it.", "fate"
        )
        self._zero(self.reconciles, fate=FATES)
        self.stage_duration = self._histogram(
            "stage_duration_seconds", "Time one stage of a look at an Application took.", "stage", buckets=SHORT
        )
        self._zero(self.stage_duration, stage=STAGES)
        self.commit_to_live = self._histogram(
            "commit_to_live_seconds", "From a commit's time to its run's success.", buckets=LONG
        )
        self.queue_depth = self._gauge("queue_depth", "Applications that wait for a worker.")
        self.queue_wait = self._histogram(
            "queue_wait_seconds", "How long an Application waited for a worker.", buckets=SHORT
        )
        self.workers = self._gauge("workers", "Applications of one cluster that may be in hand at once.")
        self.workers_busy = self._gauge("workers_busy", "Applications in hand, of all clusters.")
