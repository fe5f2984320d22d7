"""Values of metrics by their labels, with a cap: what the exporter adds up and Prometheus is told.

Refuses labels that the table does not list. Series beyond the cap of a metric are folded into one whose labels all say
`other`, so that sums stay right, and are counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engineshed.telemetry.metrics import BY_NAME, OTHER, SERIES_CAP, Kind, Metric

Values = tuple[str, ...]
"""The values of a metric's labels, in the table's order."""

Key = tuple[str, Values]
"""One series: its metric's name and its labels' values."""


@dataclass(slots=True)
class Histogram:
    """Counts by bucket, the last beyond the highest bound; not cumulative."""

    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class SeriesSet:
    """All series. `cap`: series of one metric at most."""

    cap: int = SERIES_CAP
    folded: int = 0
    _numbers: dict[str, dict[Values, float]] = field(default_factory=dict)
    _histograms: dict[str, dict[Values, Histogram]] = field(default_factory=dict)
    _marks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, metric: Metric, value: float = 1.0, /, **labels: str) -> None:
        """Add to a counter, or to a gauge that is a sum."""
        there = self._numbers.setdefault(metric.name, {})
        values = self._place(metric, labels, there)
        there[values] = there.get(values, 0.0) + value
        self._touch(metric)

    def highest(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Raise a gauge to a value, where it is not higher already."""
        there = self._numbers.setdefault(metric.name, {})
        values = self._place(metric, labels, there)
        there[values] = max(there.get(values, value), value)
        self._touch(metric)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """One observation of a histogram."""
        there = self._histograms.setdefault(metric.name, {})
        values = self._place(metric, labels, there)
        found = there.get(values)
        if found is None:
            found = there[values] = Histogram([0] * (len(metric.buckets) + 1))
        found.counts[bisect_left(metric.buckets, value)] += 1
        found.total += value
        self._touch(metric)

    def numbers(self, metric: Metric) -> Mapping[Values, float]:
        """The series of a counter or gauge."""
        return self._numbers.get(metric.name, {})

    def histograms(self, metric: Metric) -> Mapping[Values, Histogram]:
        """The series of a histogram."""
        return self._histograms.get(metric.name, {})

    def mark(self, metric: Metric) -> tuple[int, int]:
        """Another one after each change of the metric's series, for whoever keeps what it made of them."""
        return self._marks.get(metric.name, (0, 0))

    def value(self, metric: Metric, /, **labels: str) -> float:
        """The value of one series, or the number of its observations; 0 where it is not there."""
        values = tuple(labels.get(name, "") for name in metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            found = self.histograms(metric).get(values)
            return float(sum(found.counts)) if found else 0.0
        return self.numbers(metric).get(values, 0.0)

    def count(self) -> Iterator[tuple[str, int]]:
        """How many series each metric has."""
        for kept in (self._numbers, self._histograms):
            for name, series in kept.items():
                yield name, len(series)

    def every(self) -> Iterator[Key]:
        """All series."""
        for kept in (self._numbers, self._histograms):
            for name, series in kept.items():
                yield from ((name, values) for values in series)

    def with_zeros(self, keys: Iterable[Key]) -> SeriesSet:
        """The same series with these at 0; this set stays as it is."""
        numbers, histograms, marks = dict(self._numbers), dict(self._histograms), dict(self._marks)
        zeros: dict[str, list[Values]] = {}
        for name, values in keys:
            zeros.setdefault(name, []).append(values)
        for name, these in zeros.items():
            # One more at 0 has just been added, which is a change of its own; one less is a smaller number here.
            marks[name] = (marks.get(name, (0, 0))[0], len(these))
            if name in numbers:
                numbers[name] = {**numbers[name], **dict.fromkeys(these, 0.0)}
            else:
                none = Histogram([0] * (len(BY_NAME[name].buckets) + 1))
                histograms[name] = {**histograms[name], **dict.fromkeys(these, none)}
        return SeriesSet(cap=self.cap, folded=self.folded, _numbers=numbers, _histograms=histograms, _marks=marks)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back."""
        return {
            "folded": self.folded,
            "numbers": {n: [[list(v), x] for v, x in s.items()] for n, s in self._numbers.items()},
            "histograms": {
                n: [[list(v), h.counts, h.total] for v, h in s.items()] for n, s in self._histograms.items()
            },
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], cap: int = SERIES_CAP) -> SeriesSet:
        """What `to_json` wrote. Metrics that the table no longer has are left out."""
        return cls(
            cap=cap,
            folded=plain["folded"],
            _numbers={n: {tuple(v): x for v, x in s} for n, s in plain["numbers"].items() if n in BY_NAME},
            _histograms={
                n: {tuple(v): Histogram(list(counts), total) for v, counts, total in s}
                for n, s in plain["histograms"].items()
                if n in BY_NAME
            },
        )

    def _touch(self, metric: Metric) -> None:
        self._marks[metric.name] = (self._marks.get(metric.name, (0, 0))[0] + 1, 0)

    def _place(self, metric: Metric, labels: Mapping[str, str], there: Mapping[Values, Any]) -> Values:
        if not labels.keys() <= set(metric.labels):
            raise KeyError(f"{metric.name} has the labels {', '.join(metric.labels)}, not {', '.join(labels)}")
        values = tuple(labels.get(name, "") for name in metric.labels)
        if values in there or len(there) < self.cap or not metric.labels:
            return values
        self.folded += 1
        return (OTHER,) * len(metric.labels)
