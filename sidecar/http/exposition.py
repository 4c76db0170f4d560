"""Counters, gauges and histograms in Prometheus's text format 0.0.4.

Own code, because text-generation-inference's counters do not end in `_total`, which Prometheus's own client
appends.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Registry:
    """Thread-safe: any thread may change its metrics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: list[Counter | Gauge | Histogram] = []

    def counter(
        self, name: str, help: str, label: str | None = None, values: Sequence[str] = ()
    ) -> "Counter":
        """With a label, the label values `values` start at 0."""
        metric = Counter(name, help, label, values, self._lock)
        self._metrics.append(metric)
        return metric

    def gauge(
        self, name: str, help: str, read: Callable[[], float | Mapping[str, float]], label: str | None = None
    ) -> "Gauge":
        """With a label, `read` returns the values by label value."""
        metric = Gauge(name, help, read, label)
        self._metrics.append(metric)
        return metric

    def histogram(
        self, name: str, help: str, buckets: Sequence[float], label: str | None = None
    ) -> "Histogram":
        metric = Histogram(name, help, label, buckets, self._lock)
        self._metrics.append(metric)
        return metric

    def text(self) -> str:
        with self._lock:
            lines = [line for metric in self._metrics for line in _lines(metric)]
        return "\n".join(lines) + "\n"


class Counter:
    kind = "counter"

    def __init__(self, name: str, help: str, label: str | None, values: Sequence[str], lock: threading.Lock):
        self.name, self.help, self._label, self._lock = name, help, label, lock
        self._counts: dict[str | None, float] = dict.fromkeys(values if label else [None], 0.0)

    def add(self, amount: float = 1.0, *, label: str | None = None) -> None:
        with self._lock:
            self._counts[label] = self._counts.get(label, 0.0) + amount

    def samples(self) -> Iterator[str]:
        for value, count in self._counts.items():
            yield _sample(self.name, _labels(self._label, value), count)


class Gauge:
    kind = "gauge"

    def __init__(
        self, name: str, help: str, read: Callable[[], float | Mapping[str, float]], label: str | None
    ):
        self.name, self.help, self._read, self._label = name, help, read, label

    def samples(self) -> Iterator[str]:
        read = self._read()
        for value, amount in (read if isinstance(read, Mapping) else {"": read}).items():
            yield _sample(self.name, _labels(self._label, value), amount)


class Histogram:
    kind = "histogram"

    def __init__(
        self, name: str, help: str, label: str | None, buckets: Sequence[float], lock: threading.Lock
    ):
        self.name, self.help, self._label, self._lock = name, help, label, lock
        self._edges = tuple(buckets)
        self._counts: dict[str | None, list[int]] = {}
        self._sums: dict[str | None, float] = {}
        if label is None:
            self._row(None)

    def observe(self, amount: float, *, label: str | None = None) -> None:
        with self._lock:
            self._row(label)[bisect_left(self._edges, amount)] += 1
            self._sums[label] += amount

    def _row(self, value: str | None) -> list[int]:
        self._sums.setdefault(value, 0.0)
        return self._counts.setdefault(value, [0] * (len(self._edges) + 1))

    def samples(self) -> Iterator[str]:
        for value, counts in self._counts.items():
            labels = _labels(self._label, value)
            cumulative = 0
            for edge, count in zip((*self._edges, "+Inf"), counts, strict=True):
                cumulative += count
                yield _sample(f"{self.name}_bucket", [*labels, f'le="{edge}"'], cumulative)
            yield _sample(f"{self.name}_sum", labels, self._sums[value])
            yield _sample(f"{self.name}_count", labels, cumulative)


def _lines(metric: Counter | Gauge | Histogram) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    yield from metric.samples()


def _labels(name: str | None, value: str | None) -> list[str]:
    if name is None:
        return []
    escaped = str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return [f'{name}="{escaped}"']


def _sample(name: str, labels: Sequence[str], value: float) -> str:
    return f"{name}{{{','.join(labels)}}} {value!r}" if labels else f"{name} {value!r}"
