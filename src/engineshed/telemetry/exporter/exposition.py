"""Series as OpenMetrics text, by Prometheus' own library.

What is made of a metric's counters is kept until one of them changes: of a large fleet's page of 5 MB most lines stay
as they are from one round to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from engineshed.telemetry import metrics as table
from engineshed.telemetry.metrics import METRICS, Kind
from engineshed.telemetry.series import Histogram, SeriesSet

CONTENT_TYPE = CONTENT_TYPE_LATEST


_END = b"# EOF\n"


class _Family(Collector):
    def __init__(self, row: table.Metric, parts: Sequence[SeriesSet]) -> None:
        self._row, self._parts = row, parts

    def collect(self) -> Iterable[Metric]:
        return (_family(self._row, self._parts),)


class Exposition:
    """The text of all metrics of the table, those without series too. One for each `SeriesSet` that counts."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, bytes]] = {}

    def text(self, counted: SeriesSet, now: Sequence[SeriesSet]) -> bytes:
        """`counted`: one set that grows from call to call. `now`: sets made anew each time; none has a metric that
        another has.
        """
        return b"".join(self._of(row, counted, now) for row in METRICS) + _END

    def _of(self, row: table.Metric, counted: SeriesSet, now: Sequence[SeriesSet]) -> bytes:
        if any(part.numbers(row) or part.histograms(row) for part in now):
            return _text(row, [counted, *now])
        kept, mark = self._kept.get(row.name), counted.mark(row)
        if kept is None or kept[0] != mark:
            kept = self._kept[row.name] = (mark, _text(row, [counted]))
        return kept[1]


def _text(row: table.Metric, parts: Sequence[SeriesSet]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Family(row, parts))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.removesuffix(_END)


def _family(row: table.Metric, parts: Sequence[SeriesSet]) -> Metric:
    if row.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(row.name, row.help, labels=row.labels)
        for values, found in _histograms(row, parts):
            histogram.add_metric(values, buckets=list(_cumulative(row, found)), sum_value=found.total)
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    if row.kind is Kind.COUNTER:
        family = CounterMetricFamily(row.name.removesuffix("_total"), row.help, labels=row.labels)
    else:
        family = GaugeMetricFamily(row.name, row.help, labels=row.labels)
    for part in parts:
        for values, number in part.numbers(row).items():
            family.add_metric(values, number)
    return family


def _histograms(row: table.Metric, parts: Sequence[SeriesSet]) -> Iterator[tuple[Sequence[str], Histogram]]:
    for part in parts:
        yield from part.histograms(row).items()


def _cumulative(row: table.Metric, found: Histogram) -> Iterator[tuple[str, float]]:
    bounds = [*(str(float(bound)) for bound in row.buckets), "+Inf"]
    return zip(bounds, accumulate(map(float, found.counts)), strict=True)
