"""What the API servers are asked and answer; and a Cluster's series in all groups, which come and go with it."""

from __future__ import annotations

from controller.metrics.registry import SHORT, Registry

VERBS = ("get", "list", "watch", "apply", "dry-run", "create", "delete", "merge", "discovery", "version")


class ClusterMetrics(Registry):
    """Requests and watches, by cluster."""

    def __init__(self) -> None:
        super().__init__()
        self._forgotten: set[str] = set()
        self.cluster_up = self._gauge("cluster_up", "1 while the Cluster's API server answers, else 0.", "cluster")
        self.kube_requests = self._counter(
            "kube_requests",
            "API requests by HTTP status; `error` where no answer came.",
            "cluster",
            "verb",
            "code",
        )
        self.kube_request_duration = self._histogram(
            "kube_request_duration_seconds",
            "Time until an API request was answered; a watch is not counted.",
            "cluster",
            "verb",
            buckets=SHORT,
        )
        self.kube_requests_in_flight = self._gauge(
            "kube_requests_in_flight", "API requests under way; a watch is not counted.", "cluster"
        )
        self.kube_requests_limit = self._gauge(
            "kube_requests_limit", "API requests that may be under way; fewer while the server refuses some.", "cluster"
        )
        self.watch_restarts = self._counter(
            "watch_restarts", "Watches of objects that had to begin anew, with a whole listing.", "cluster"
        )
        self.watched_objects = self._gauge("watched_objects", "Objects under watch.", "cluster")
        self.watches_refused = self._gauge(
            "watches_refused", "Kinds that are not watched: not served, or a permission is missing.", "cluster"
        )
        self._zero_by_cluster(self.cluster_up)
        self._zero_by_cluster(self.kube_requests, verb=VERBS, code=("error",))
        self._zero_by_cluster(self.kube_requests_in_flight, self.kube_requests_limit)
        self._zero_by_cluster(self.watch_restarts, self.watched_objects, self.watches_refused)

    def cluster(self, name: str) -> None:
        """Make every series of a Cluster exist, at zero; one that is there already keeps its values."""
        self._forgotten.discard(name)
        for family, values in self._at_zero_by_cluster:
            self._zero(family, cluster=(name,), **values)

    def forget_cluster(self, name: str) -> None:
        """Remove every series of a Cluster that is no longer configured, and all that come late."""
        self._forgotten.add(name)
        self._sweep()

    def _sweep(self) -> None:
        """What was under way when a Cluster went, still ends and is counted: such series go again."""
        for name in tuple(self._forgotten):
            for family in self._by_cluster:
                family.remove_by_labels({"cluster": name})

    def requested(self, cluster: str, verb: str, status: int, seconds: float) -> None:
        """Count a request of an API server; status 0 stands for no answer."""
        self.kube_requests.labels(cluster=cluster, verb=verb, code=str(status) if status else "error").inc()
        if verb != "watch":
            self.kube_request_duration.labels(cluster=cluster, verb=verb).observe(seconds)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition, without what came late of a forgotten Cluster."""
        self._sweep()
        return super().render(accept)
