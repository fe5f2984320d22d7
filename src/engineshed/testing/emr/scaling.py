"""Managed scaling: as many units as its policy allows while steps run, as few while nothing does.

EMR looks at pending containers; here a cluster at work wants all that it may have. Core and task nodes only: what is
added goes to the task fleet where there is one and to the core fleet otherwise, up to `MaximumCoreCapacityUnits`; on
demand as far as the fleet has no spot units and `MaximumOnDemandCapacityUnits` allows, else spot. Task nodes and spot
go first.
"""

from __future__ import annotations

from engineshed.testing.agenda import Agenda
from engineshed.testing.emr.capacity import Capacity
from engineshed.testing.emr.catalogue import vcpus
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import ON_DEMAND, SPOT, Cluster, Fleet


class Scaling:
    """Resizes the fleets of clusters that have a policy."""

    def __init__(self, agenda: Agenda, pace: Pace, capacity: Capacity) -> None:
        self._agenda, self._pace, self._capacity = agenda, pace, capacity

    def busy(self, cluster: Cluster) -> None:
        """Steps run from now on."""
        self._later(cluster)

    def idle(self, cluster: Cluster) -> None:
        """Nothing runs from now on."""
        self._later(cluster)

    def _later(self, cluster: Cluster) -> None:
        since = (cluster.busy_since, cluster.idle_since)

        def look() -> None:
            if (cluster.busy_since, cluster.idle_since) == since:
                self.adjust(cluster)

        self._agenda.after(self._pace.scale_s, look)

    def adjust(self, cluster: Cluster) -> None:
        """Resize to what the policy and the load say now."""
        if cluster.managed_scaling is None or not cluster.takes_steps:
            return
        limits = cluster.managed_scaling["ComputeLimits"]
        wanted = limits["MaximumCapacityUnits" if cluster.busy_since else "MinimumCapacityUnits"]
        for fleet, on_demand, spot in _spread(cluster, int(wanted)):
            if fleet.target != {ON_DEMAND: on_demand, SPOT: spot}:
                self._capacity.resize(cluster, fleet, on_demand=on_demand, spot=spot)


def _spread(cluster: Cluster, wanted: int) -> list[tuple[Fleet, int, int]]:
    """Each fleet with its new targets, in its own units."""
    limits = cluster.managed_scaling["ComputeLimits"]  # type: ignore[index]
    workers = sorted((f for f in cluster.fleets if f.kind != "MASTER"), key=lambda f: f.kind, reverse=True)
    have = {fleet.id: _total(cluster, fleet) for fleet in workers}
    on_demand_left = int(limits.get("MaximumOnDemandCapacityUnits", limits["MaximumCapacityUnits"]))
    on_demand_left -= sum(fleet.target[ON_DEMAND] * _size(cluster, fleet) for fleet in workers)
    change = wanted - sum(have.values())
    spread = []
    for fleet in workers:
        size = _size(cluster, fleet)
        if change >= 0:
            part = _room(cluster, fleet, have, change) // size
            on_demand = min(part, max(0, on_demand_left) // size) if not fleet.target[SPOT] else 0
            on_demand_left -= on_demand * size
            spread.append((fleet, fleet.target[ON_DEMAND] + on_demand, fleet.target[SPOT] + part - on_demand))
            change -= part * size
        else:
            # A core fleet keeps one unit: without it there is no cluster.
            least = 1 if fleet.kind == "CORE" else 0
            part = min(-change // size, max(0, fleet.target[ON_DEMAND] + fleet.target[SPOT] - least))
            spot = min(part, fleet.target[SPOT])
            spread.append((fleet, fleet.target[ON_DEMAND] - (part - spot), fleet.target[SPOT] - spot))
            change += part * size
    return spread


def _room(cluster: Cluster, fleet: Fleet, have: dict[str, int], change: int) -> int:
    limits = cluster.managed_scaling["ComputeLimits"]  # type: ignore[index]
    if fleet.kind != "CORE" or "MaximumCoreCapacityUnits" not in limits:
        return change
    return max(0, min(change, int(limits["MaximumCoreCapacityUnits"]) - have[fleet.id]))


def _total(cluster: Cluster, fleet: Fleet) -> int:
    return (fleet.target[ON_DEMAND] + fleet.target[SPOT]) * _size(cluster, fleet)


def _size(cluster: Cluster, fleet: Fleet) -> int:
    """Units of the policy in one unit of the fleet."""
    unit = cluster.managed_scaling["ComputeLimits"]["UnitType"]  # type: ignore[index]
    return vcpus(fleet.types[0].instance_type) if unit == "VCPU" else 1
