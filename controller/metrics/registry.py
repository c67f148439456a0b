"""The registry that families are declared in, and the exposition of all of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from prometheus_client.metrics import MetricWrapperBase

PREFIX = "shipslog"

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Buckets for what takes milliseconds: requests, renderings, stages; in seconds."""
LONG = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
"""Buckets for what takes as long as people and rollouts do; in seconds."""

# One `_created` series beside every counter and histogram would double what a server stores; nothing here reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Family:
    """One metric family as the documentation shows it; `name` is what a query writes."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


class Registry:
    """What the groups of families have in common: each declares its own in `__init__`, after those before it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._families: list[Family] = []
        self._by_cluster: list[MetricWrapperBase] = []
        self._at_zero_by_cluster: list[tuple[MetricWrapperBase, dict[str, Collection[str]]]] = []
        ProcessCollector(registry=self.registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics for whoever accepts it, else Prometheus text."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def families(self) -> tuple[Family, ...]:
        """Every family of ours, by name, for the documentation."""
        return tuple(sorted(self._families, key=lambda family: family.name))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        family = Counter(name, text, labels, namespace=PREFIX, registry=self.registry)
        self._note(family, f"{name}_total", "counter", labels, text)
        return family

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        family = Gauge(name, text, labels, namespace=PREFIX, registry=self.registry)
        self._note(family, name, "gauge", labels, text)
        return family

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
        family = Histogram(name, text, labels, namespace=PREFIX, registry=self.registry, buckets=buckets)
        self._note(family, name, "histogram", labels, text)
        return family

    def _note(self, family: MetricWrapperBase, name: str, kind: str, labels: tuple[str, ...], text: str) -> None:
        self._families.append(Family(f"{PREFIX}_{name}", kind, labels, text))
        # An Application's series name its cluster too, but stay as long as the Application does.
        if "cluster" in labels and "namespace" not in labels:
            self._by_cluster.append(family)

    @staticmethod
    def _zero(family: MetricWrapperBase, **values: Iterable[str]) -> None:
        """Have every combination of these label values exist, at zero; one that is there keeps its value."""
        for combination in itertools.product(*values.values()):
            family.labels(**dict(zip(values, combination, strict=True)))

    def _zero_by_cluster(self, *families: MetricWrapperBase, **values: Collection[str]) -> None:
        """The same, for each Cluster from when it is known."""
        self._at_zero_by_cluster.extend((family, values) for family in families)
