"""The machines of a cluster: how many of which kind, bought in which market, and from when to when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_CLOUDS = ("aws_attributes", "azure_attributes", "gcp_attributes")
_AWS_DEFAULTS = {"availability": "SPOT_WITH_FALLBACK", "first_on_demand": 1, "spot_bid_price_percent": 100}
"""What a cluster on AWS has that says nothing of it; on the other clouds machines are on demand."""


@dataclass(slots=True)
class Node:
    """One machine. market: `spot` or `on_demand`. until: None while it is held."""

    node_id: str
    node_type: str
    driver: bool
    market: str
    since: datetime
    pool_id: str = ""
    until: datetime | None = None


def hardware(spec: Mapping[str, Any], pools: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A cluster's spec with what its pool and the vendor's defaults add: type and market of its machines."""
    pool = pools.get(str(spec.get("instance_pool_id")), {})
    driver_pool = pools.get(str(spec.get("driver_instance_pool_id")), pool)
    added: dict[str, Any] = {}
    if pool:
        added["node_type_id"] = pool.get("node_type_id", "")
        added["driver_node_type_id"] = driver_pool.get("node_type_id", "")
        added.update({cloud: pool[cloud] for cloud in _CLOUDS if pool.get(cloud)})
    if not any({**spec, **added}.get(cloud) for cloud in _CLOUDS[1:]):
        added["aws_attributes"] = {
            **_AWS_DEFAULTS,
            **(spec.get("aws_attributes") or {}),
            **added.get("aws_attributes", {}),
        }
    return {**spec, **added}


def workers_wanted(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Least and most workers."""
    autoscale = spec.get("autoscale")
    if autoscale:
        return int(autoscale["min_workers"]), int(autoscale["max_workers"])
    return int(spec.get("num_workers", 0)), int(spec.get("num_workers", 0))


def availability(machines: Mapping[str, Any]) -> str:
    """`spot`, `spot_with_fallback` or `on_demand`, whatever the cloud calls it."""
    name = str(_attributes(machines).get("availability", ""))
    if name.startswith(("SPOT_WITH_FALLBACK", "PREEMPTIBLE_WITH_FALLBACK")):
        return "spot_with_fallback"
    return "spot" if name.startswith(("SPOT", "PREEMPTIBLE")) else "on_demand"


def _attributes(machines: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((machines[cloud] for cloud in _CLOUDS if machines.get(cloud)), {})


def node(machines: Mapping[str, Any], number: int, since: datetime, *, no_spot: bool) -> Node:
    """The cluster's machine of that number, 0 for the driver. machines: by `hardware`. no_spot: there are none now."""
    driver = number == 0
    first_on_demand = int(_attributes(machines).get("first_on_demand", 0))
    spot = availability(machines) != "on_demand" and number >= first_on_demand and not no_spot
    pool_id = machines.get("driver_instance_pool_id" if driver else "instance_pool_id") or machines.get(
        "instance_pool_id"
    )
    worker_type = str(machines.get("node_type_id", ""))
    return Node(
        node_id=uuid.uuid4().hex,
        node_type=str(machines.get("driver_node_type_id") or worker_type) if driver else worker_type,
        driver=driver,
        market="spot" if spot else "on_demand",
        since=since,
        pool_id=str(pool_id or ""),
    )
