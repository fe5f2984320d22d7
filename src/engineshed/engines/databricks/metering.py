"""What a run held, from what the workspace tells of its cluster. Pure.

A cluster's events tell how many workers there were from when to when: started, resized, lost to spot, ended. What they
do not tell is the market of each machine, nor when the cloud began to bill it; the live cluster does, so whoever
watches a run keeps `Seen`. Without that, workers count as spot where the cluster asks for spot.

A cluster that serves others too is counted whole for the time of the run: what it cost to have it then. Serverless
tells nothing before the bill: its usage is never complete, and holds DBUs only where the settings state what runs take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engineshed.engines.databricks import pricing
from engineshed.model.usage import Usage, UsageInterval

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the live cluster was at a moment: its workers by market, and when its driver's machine was launched."""

    at: datetime
    spot: int
    on_demand: int
    launched_at: datetime | None = None

    @classmethod
    def of(cls, cluster: JSON, at: datetime) -> Seen | None:
        """From `clusters/get`; None while it has no machines."""
        driver = cluster.get("driver")
        if not driver:
            return None
        workers = cluster.get("executors") or ()
        spot = sum(bool((one.get("node_aws_attributes") or {}).get("is_spot")) for one in workers)
        return cls(at, spot, len(workers) - spot, time_of(driver.get("start_timestamp")))


@dataclass(frozen=True, slots=True)
class _Span:
    """So many workers from when to when."""

    start: datetime
    end: datetime
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What a cluster is made of, by its own words."""

    node_type: str
    driver_node_type: str
    sku: str
    spot: bool
    first_on_demand: int
    disk_gib: int

    @classmethod
    def of(cls, spec: JSON, sku: str) -> Machines:
        """From a cluster or the request for one."""
        aws: JSON = spec.get("aws_attributes") or {}
        node_type = str(spec.get("node_type_id") or "")
        return cls(
            node_type=node_type,
            driver_node_type=str(spec.get("driver_node_type_id") or node_type),
            sku=sku,
            spot=str(aws.get("availability") or "").startswith("SPOT"),
            first_on_demand=int(aws.get("first_on_demand", 1)),
            disk_gib=pricing.ROOT_DISK_GIB
            + int(aws.get("ebs_volume_count") or 0) * int(aws.get("ebs_volume_size") or 0),
        )


def of_cluster(
    machines: Machines,
    events: Iterable[JSON],
    seen: Sequence[Seen],
    *,
    until: datetime,
    over: bool,
    since: datetime | None = None,
) -> Usage:
    """A cluster's usage by its events, oldest first.

    until: when it ended, or now. over: nothing will be added. since: count from then only.
    """
    spans = [clipped for span in _spans(events, until) if (clipped := _after(span, since))]
    intervals: list[UsageInterval] = []
    for number, span in enumerate(spans):
        launched_at = seen[0].launched_at if seen and number == 0 and since is None else None
        intervals += _driver(machines, span, launched_at)
        for market, count in _workers(machines, span, seen):
            intervals += _held(machines, machines.node_type, market, count, span.start, span.end)
    return Usage(intervals=tuple(intervals), complete=over)


def of_serverless(run: JSON, sku: str, dbus_per_hour: Decimal | None, *, now: datetime) -> Usage:
    """A serverless run's usage, as far as anybody knows it before the bill."""
    start, end = time_of(run.get("start_time")), time_of(run.get("end_time")) or now
    if start is None:
        return Usage(complete=False)
    measures = {"run_s": max(0.0, (end - start).total_seconds())}
    if dbus_per_hour is None:
        return Usage(complete=False, measures=measures)
    interval = UsageInterval(item=f"dbu:{sku}", quantity=float(dbus_per_hour), start=start, end=max(start, end))
    return Usage(intervals=(interval,), complete=False, measures=measures)


def time_of(milliseconds: Any) -> datetime | None:
    """The API's times; None for none."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _spans(events: Iterable[JSON], until: datetime) -> Iterator[_Span]:
    """Spans in which the number of workers stayed the same, from the first event that says that the cluster runs."""
    start: datetime | None = None
    workers = 0
    for event in events:
        at, details = time_of(event.get("timestamp")), event.get("details") or {}
        told = _workers_after(str(event.get("type")), details)
        if at is None or told is None or (start is None and event.get("type") not in _RUNS):
            continue
        if start is not None and told != workers:
            yield _Span(start, max(start, at), workers)
        if start is None or told != workers:
            start, workers = at, told
    if start is not None:
        yield _Span(start, max(start, until), workers)


_RUNS = ("RUNNING", "UPSIZE_COMPLETED", "NODES_LOST", "RESIZING")


def _workers_after(kind: str, details: JSON) -> int | None:
    """How many workers there are once the event has happened; None for an event that says nothing of it."""
    if "current_num_workers" not in details:
        return 0 if kind == "RUNNING" else None
    current = int(details["current_num_workers"])
    # Fewer workers are given back at once; more are counted when they are there.
    return min(current, int(details.get("target_num_workers", current))) if kind == "RESIZING" else current


def _after(span: _Span, since: datetime | None) -> _Span | None:
    if since is None or span.start >= since:
        return span
    return _Span(since, span.end, span.workers) if span.end > since else None


def _driver(machines: Machines, span: _Span, launched_at: datetime | None) -> Iterator[UsageInterval]:
    """The cloud bills a machine from its launch, Databricks from when the cluster runs."""
    market = "spot" if machines.spot and machines.first_on_demand == 0 else "on_demand"
    start = min(span.start, launched_at or span.start)
    yield from _cloud(machines, machines.driver_node_type, market, 1, start, span.end)
    yield _dbus(machines, machines.driver_node_type, 1, span.start, span.end)


def _workers(machines: Machines, span: _Span, seen: Sequence[Seen]) -> list[tuple[str, int]]:
    """Market and number."""
    if not span.workers:
        return []
    found = next((one for one in reversed(seen) if span.start <= one.at < span.end and one.spot + one.on_demand), None)
    if found is not None:
        spot = round(span.workers * found.spot / (found.spot + found.on_demand))
    else:
        spot = span.workers - min(span.workers, max(0, machines.first_on_demand - 1)) if machines.spot else 0
    return [(market, count) for market, count in (("spot", spot), ("on_demand", span.workers - spot)) if count]


def _held(
    machines: Machines, node_type: str, market: str, count: int, start: datetime, end: datetime
) -> Iterator[UsageInterval]:
    yield from _cloud(machines, node_type, market, count, start, end)
    yield _dbus(machines, node_type, count, start, end)


def _cloud(
    machines: Machines, node_type: str, market: str, count: int, start: datetime, end: datetime
) -> Iterator[UsageInterval]:
    yield UsageInterval(item=f"ec2:{node_type}", quantity=count, start=start, end=end, market=market)
    yield UsageInterval(item=pricing.DISK, quantity=count * machines.disk_gib, start=start, end=end)


def _dbus(machines: Machines, node_type: str, count: int, start: datetime, end: datetime) -> UsageInterval:
    return UsageInterval(item=f"dbu:{machines.sku}:{node_type}", quantity=count, start=start, end=end)
