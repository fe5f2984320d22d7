"""What a run held: each machine of its cluster over its own time, by type and market, with its disks. Pure.

A cluster of the run's own is the run's, from each machine's creation to its end, idle time and resizes included. Of an
existing cluster a run's share is not told apart: whoever keeps it pays for it, and the usage says nothing was held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from engineshed.model.usage import Usage, UsageInterval

JSON = Mapping[str, Any]
_MARKETS = {"ON_DEMAND": "on_demand", "SPOT": "spot"}


def of_instances(
    instances: Iterable[JSON], disks: Mapping[str, int], *, root_gib: int, disk_type: str, now: datetime, over: bool
) -> Usage:
    """The usage of a cluster. disks: GiB of data disks by machine type. over: EMR will add nothing to it."""
    held = ((one, root_gib + disks.get(str(one["InstanceType"]), 0)) for one in instances)
    intervals = tuple(i for one, gib in held for i in _of_one(one, gib, disk_type, now))
    return Usage(intervals=intervals, complete=over)


def of_step(step: JSON, now: datetime, *, over: bool) -> Usage:
    """Of a run on an existing cluster: its time, and nothing that is billed to it."""
    timeline = step["Status"].get("Timeline") or {}
    start = timeline.get("StartDateTime")
    if start is None:
        return Usage(complete=over)
    end = timeline.get("EndDateTime") or now
    shared = UsageInterval(item="emr-cluster-shared", quantity=1, start=start, end=end)
    return Usage(intervals=(shared,), complete=over)


def _of_one(instance: JSON, gib: int, disk_type: str, now: datetime) -> Iterator[UsageInterval]:
    timeline = instance["Status"].get("Timeline") or {}
    start = timeline.get("CreationDateTime")
    if start is None:
        return
    end = timeline.get("EndDateTime") or now
    kind, market = instance["InstanceType"], _MARKETS[instance.get("Market") or "ON_DEMAND"]
    yield UsageInterval(item=f"ec2:{kind}", quantity=1, start=start, end=end, market=market)
    yield UsageInterval(item=f"emr:{kind}", quantity=1, start=start, end=end)
    yield UsageInterval(item=f"ebs:{disk_type}", quantity=gib, start=start, end=end)


def disks_of(fleets: Iterable[JSON]) -> dict[str, int]:
    """GiB of data disks that a machine of each type gets, as its fleet says."""
    found: dict[str, int] = {}
    for fleet in fleets:
        for kind in fleet.get("InstanceTypeSpecifications") or ():
            volumes = [device["VolumeSpecification"] for device in kind.get("EbsBlockDevices") or ()]
            found[str(kind["InstanceType"])] = sum(int(volume["SizeInGB"]) for volume in volumes)
    return found
