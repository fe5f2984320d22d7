"""The machines of a cluster: how many of which kind, bought in which market, and from when to when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_CLOUDS = {
    "aws_attributes": ("ON_DEMAND", 1),
    "azure_attributes": ("ON_DEMAND_AZURE", 1),
    "gcp_attributes": ("ON_DEMAND_GCP", 0),
}
"""Attributes of each cloud with its defaults: availability and how many nodes are on demand whatever it says."""


@dataclass(slots=True)
class Node:
    """One machine. market: `spot`, `on_demand` or `pool` while a pool's idle one serves.

    until: None while it is held.
    """

    node_id: str
    node_type: str
    driver: bool
    market: str
    since: datetime
    pool_id: str = ""
    until: datetime | None = None


def workers_wanted(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Least and most workers."""
    autoscale = spec.get("autoscale")
    if autoscale:
        return int(autoscale["min_workers"]), int(autoscale["max_workers"])
    return int(spec.get("num_workers", 0)), int(spec.get("num_workers", 0))


def availability(spec: Mapping[str, Any]) -> str:
    """`spot`, `spot_with_fallback` or `on_demand`, whatever the cloud calls it."""
    name = next(
        (spec[cloud].get("availability", given) for cloud, (given, _) in _CLOUDS.items() if spec.get(cloud)), ""
    )
    if name.startswith(("SPOT_WITH_FALLBACK", "PREEMPTIBLE_WITH_FALLBACK")):
        return "spot_with_fallback"
    # A cluster whose aws_attributes say nothing falls back, as the API's default does.
    return "spot" if name.startswith(("SPOT", "PREEMPTIBLE")) else "on_demand"


def first_on_demand(spec: Mapping[str, Any]) -> int:
    """How many nodes, the driver first, are never spot."""
    return next((int(spec[c].get("first_on_demand", n)) for c, (_, n) in _CLOUDS.items() if spec.get(c)), 0)


def node(spec: Mapping[str, Any], number: int, since: datetime, *, spot_is_out: bool) -> Node:
    """The cluster's machine of that number, 0 for the driver."""
    driver = number == 0
    spot = availability(spec) != "on_demand" and number >= first_on_demand(spec) and not spot_is_out
    pool_id = str(
        spec.get("driver_instance_pool_id" if driver else "instance_pool_id") or spec.get("instance_pool_id") or ""
    )
    worker_type = str(spec.get("node_type_id", ""))
    return Node(
        node_id=uuid.uuid4().hex,
        node_type=str(spec.get("driver_node_type_id") or worker_type) if driver else worker_type,
        driver=driver,
        market="spot" if spot else "on_demand",
        since=since,
        pool_id=pool_id,
    )
