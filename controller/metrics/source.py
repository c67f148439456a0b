"""What Git servers are asked, and what the render engine makes of the answers."""

from __future__ import annotations

from controller.metrics.registry import SHORT, Registry

FETCH_RESULTS = ("moved", "unchanged", "failed")
RENDER_KINDS = ("plain", "kustomize", "helm")
RENDER_RESULTS = ("success", "invalid", "failed")


class SourceMetrics(Registry):
    """Repositories, fetches and renderings."""

    def __init__(self) -> None:
        super().__init__()
        self.repository_ready = self._gauge(
            "repository_ready",
            "1 while the Repository could be read when last asked, else 0.",
            "namespace",
            "name",
        )
        self.fetches = self._counter("fetches", "Times a Repository was asked for its refs.", "result")
        self._zero(self.fetches, result=FETCH_RESULTS)
        self.fetch_duration = self._histogram("fetch_duration_seconds", "Time asking and fetching took.", buckets=SHORT)
        self.renders = self._counter(
            "renders",
            "Renderings that the engine was asked for: success, invalid (the repository's fault) or failed (ours).",
            "kind",
            "result",
        )
        self._zero(self.renders, kind=RENDER_KINDS, result=RENDER_RESULTS)
        self.render_cache_requests = self._counter(
            "render_cache_requests", "Renderings asked of the cache; a miss asks the engine.", "result"
        )
        self._zero(self.render_cache_requests, result=("hit", "miss"))

    def forget_repository(self, namespace: str, name: str) -> None:
        """Remove every series of a deleted Repository."""
        self.repository_ready.remove_by_labels({"namespace": namespace, "name": name})

    def polled(self, result: str, seconds: float) -> None:
        """Count a question to a Git server."""
        self.fetches.labels(result=result).inc()
        self.fetch_duration.observe(seconds)

    def rendered(self, kind: str, result: str) -> None:
        """Count a rendering by the engine."""
        self.renders.labels(kind=kind, result=result).inc()
