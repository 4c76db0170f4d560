"""Counters, gauges and histograms in Prometheus's text format 0.0.4.

Written by hand since text-generation-inference's counters don't end in `_total`, which Prometheus's own client adds.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Registry:
    """Its metrics may be changed from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._metrics: list[Counter | Gauge | Histogram] = []

    def counter(self, name: str, help: str, label: str | None = None, values: Sequence[str] = ()) -> "Counter":
        """With a label, `values` are those that stand at 0 from the beginning."""
        return self._added(Counter(name, help, label, values, self._lock))

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> "Gauge":
        return self._added(Gauge(name, help, read))

    def histogram(self, name: str, help: str, buckets: Sequence[float], label: str | None = None) -> "Histogram":
        return self._added(Histogram(name, help, label, buckets, self._lock))

    def _added(self, metric):
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

    def add(self, amount: float = 1.0, *, to: str | None = None) -> None:
        with self._lock:
            self._counts[to] = self._counts.get(to, 0.0) + amount

    def samples(self) -> Iterator[str]:
        for value, count in self._counts.items():
            yield _sample(self.name, _labels(self._label, value), count)


class Gauge:
    kind = "gauge"

    def __init__(self, name: str, help: str, read: Callable[[], float]):
        self.name, self.help, self._read = name, help, read

    def samples(self) -> Iterator[str]:
        yield _sample(self.name, [], self._read())


class Histogram:
    kind = "histogram"

    def __init__(self, name: str, help: str, label: str | None, buckets: Sequence[float], lock: threading.Lock):
        self.name, self.help, self._label, self._lock = name, help, label, lock
        self._edges = tuple(buckets)
        self._counts: dict[str | None, list[int]] = {}
        self._sums: dict[str | None, float] = {}
        if label is None:
            self._row(None)

    def observe(self, amount: float, *, of: str | None = None) -> None:
        with self._lock:
            self._row(of)[bisect_left(self._edges, amount)] += 1
            self._sums[of] += amount

    def _row(self, value: str | None) -> list[int]:
        self._sums.setdefault(value, 0.0)
        return self._counts.setdefault(value, [0] * (len(self._edges) + 1))

    def samples(self) -> Iterator[str]:
        for value, counts in self._counts.items():
            labels = _labels(self._label, value)
            so_far = 0
            for edge, count in zip((*self._edges, "+Inf"), counts, strict=True):
                so_far += count
                yield _sample(f"{self.name}_bucket", [*labels, f'le="{edge}"'], so_far)
            yield _sample(f"{self.name}_sum", labels, self._sums[value])
            yield _sample(f"{self.name}_count", labels, so_far)


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
