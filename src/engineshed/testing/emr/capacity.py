"""Machines: asked for, bought in the market that is wanted, replaced when lost, and given back.

Of the types that a fleet may use, the first by priority that is to be had is taken. What is short waits and is asked
for again; while the cluster starts, spot units that are short at the fleet's timeout become on-demand ones or end the
cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from engineshed.testing.agenda import Agenda, Appointment
from engineshed.testing.emr import reasons
from engineshed.testing.emr.faults import ClusterTrouble
from engineshed.testing.emr.ids import Ids
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import ON_DEMAND, SPOT, Cluster, Fleet, Instance, Reason, TypeChoice, Volume

LOST = Reason("INSTANCE_FAILURE", "The instance was terminated by EC2: Server.SpotInstanceTermination.")


class Capacity:
    """The machines of all clusters. `on_provisioned` hears of a cluster whose first machines are all there,
    `on_hopeless` of one whose spot timeout ends it.
    """

    def __init__(self, agenda: Agenda, pace: Pace, ids: Ids) -> None:
        self._agenda, self._pace, self._ids = agenda, pace, ids
        self.on_provisioned: Callable[[Cluster], None] = lambda cluster: None
        self.on_hopeless: Callable[[Cluster, Reason], None] = lambda cluster, reason: None

    def start(self, cluster: Cluster) -> None:
        """Ask for the machines that its fleets want."""
        self._agenda.after(self._pace.give_up_s, lambda: self._give_up(cluster))
        for fleet in cluster.fleets:
            self._fill_after(self._pace.provision_s, cluster, fleet)
            spot = (fleet.request.get("LaunchSpecifications") or {}).get("SpotSpecification")
            if spot and fleet.target[SPOT]:
                self._watch_spot(cluster, fleet, spot)

    def _watch_spot(self, cluster: Cluster, fleet: Fleet, spot: Mapping[str, Any]) -> None:
        limit_s = float(spot["TimeoutDurationMinutes"]) * 60 * self._pace.factor
        self._agenda.after(limit_s, lambda: self._spot_timeout(cluster, fleet, str(spot["TimeoutAction"])))

    def _fill_after(self, seconds: float, cluster: Cluster, fleet: Fleet) -> Appointment:
        return self._agenda.after(seconds, lambda: self._fill(cluster, fleet))

    def boot(self, cluster: Cluster) -> None:
        """The first machines begin with their bootstrap actions."""
        for instance in cluster.instances:
            if instance.ended_at is None:
                instance.state = "BOOTSTRAPPING"
        for fleet in cluster.fleets:
            fleet.state = "BOOTSTRAPPING"

    def ready(self, cluster: Cluster) -> None:
        """The first machines can work."""
        for fleet in cluster.fleets:
            fleet.state, fleet.ready_at = "RUNNING", self._agenda.now
            for instance in fleet.live:
                self._ready(instance)

    def resize(self, cluster: Cluster, fleet: Fleet, *, on_demand: int, spot: int) -> None:
        """Want other numbers of units: buy what is missing, give back what is too much."""
        fleet.target = {ON_DEMAND: on_demand, SPOT: spot}
        fleet.switched = min(fleet.switched, spot)
        fleet.state = "RESIZING"
        for market in (SPOT, ON_DEMAND):
            self._give_back(fleet, market)
        self._fill_after(self._pace.provision_s, cluster, fleet)

    def lose(self, cluster: Cluster, instances: Sequence[Instance]) -> None:
        """EC2 takes those machines; their fleets ask for others."""
        for instance in instances:
            self._end(instance, LOST)
        for fleet in cluster.fleets:
            if fleet.kind != "MASTER" and not fleet.satisfied:
                fleet.state = "RESIZING" if fleet.ready_at else fleet.state
                self._fill_after(self._pace.provision_s, cluster, fleet)

    def end(self, cluster: Cluster) -> None:
        """Give all machines back."""
        over = Reason("CLUSTER_TERMINATED", "Job flow terminated")
        for fleet in cluster.fleets:
            fleet.state, fleet.reason, fleet.ended_at = "TERMINATED", over, self._agenda.now
            for instance in fleet.live:
                self._end(instance, over)

    def _fill(self, cluster: Cluster, fleet: Fleet) -> None:
        if cluster.ending:
            return
        for market in (ON_DEMAND, SPOT):
            while fleet.short(market):
                choice = self._choose(cluster, fleet, market)
                if choice is None:
                    self._ask_again(cluster, fleet)
                    break
                self._buy(cluster, fleet, choice, market)
        if cluster.state == "STARTING":
            if all(f.satisfied for f in cluster.fleets):
                self.on_provisioned(cluster)
        elif fleet.satisfied and fleet.state == "RESIZING":
            fleet.state = "RUNNING"

    def _ask_again(self, cluster: Cluster, fleet: Fleet) -> None:
        if fleet.retry is None or fleet.retry.deed is None:
            fleet.retry = self._fill_after(self._pace.retry_s, cluster, fleet)

    def _choose(self, cluster: Cluster, fleet: Fleet, market: str) -> TypeChoice | None:
        wanted = sorted(fleet.types, key=lambda choice: choice.priority)
        return next((choice for choice in wanted if self._to_be_had(cluster, choice, market)), None)

    def _to_be_had(self, cluster: Cluster, choice: TypeChoice, market: str) -> bool:
        for fault in cluster.faults:
            if fault.trouble is not ClusterTrouble.NO_CAPACITY:
                continue
            since = cluster.created_at + timedelta(seconds=fault.at_s)
            over = fault.lasting_s and self._agenda.now >= since + timedelta(seconds=fault.lasting_s)
            hit = fault.market in ("", market) and (not fault.types or choice.instance_type in fault.types)
            if hit and self._agenda.now >= since and not over:
                return False
        return True

    def _buy(self, cluster: Cluster, fleet: Fleet, choice: TypeChoice, market: str) -> None:
        instance = Instance(
            id=self._ids.new("ci-", 12),
            ec2_id=self._ids.ec2("i-"),
            fleet=fleet,
            instance_type=choice.instance_type,
            market=market,
            weight=choice.weight,
            address=self._ids.address(),
            created_at=self._agenda.now,
            volumes=self._volumes(choice),
        )
        fleet.instances.append(instance)
        # A machine that joins a running cluster runs the bootstrap actions by itself.
        if cluster.state not in ("STARTING", "BOOTSTRAPPING"):
            self._agenda.after(self._pace.boot_s + self._pace.software_s, lambda: self._ready(instance))

    def _volumes(self, choice: TypeChoice) -> tuple[Volume, ...]:
        specs = [c["VolumeSpecification"] for c in choice.ebs for _ in range(int(c.get("VolumesPerInstance") or 1))]
        return tuple(
            Volume(
                device=f"/dev/sd{chr(ord('b') + number)}",
                volume_id=self._ids.ec2("vol-"),
                volume_type=spec["VolumeType"],
                size_gib=int(spec["SizeInGB"]),
            )
            for number, spec in enumerate(specs)
        )

    def _give_back(self, fleet: Fleet, market: str) -> None:
        for instance in reversed([i for i in fleet.live if i.market == market]):
            if fleet.held(market) - instance.weight >= fleet.wanted(market):
                self._end(instance, Reason())

    def _ready(self, instance: Instance) -> None:
        if instance.ended_at is None:
            instance.state, instance.ready_at = "RUNNING", self._agenda.now

    def _end(self, instance: Instance, reason: Reason) -> None:
        instance.state, instance.reason, instance.ended_at = "TERMINATED", reason, self._agenda.now

    def _give_up(self, cluster: Cluster) -> None:
        short = [(fleet, market) for fleet in cluster.fleets for market in fleet.target if fleet.short(market)]
        if cluster.state == "STARTING" and short:
            fleet, market = short[0]
            self.on_hopeless(
                cluster, reasons.no_capacity(fleet.kind, fleet.types[0].instance_type, market, cluster.zone)
            )

    def _spot_timeout(self, cluster: Cluster, fleet: Fleet, action: str) -> None:
        missing = fleet.short(SPOT)
        if cluster.state != "STARTING" or missing <= 0:
            return
        if action == "SWITCH_TO_ON_DEMAND":
            fleet.switched += missing
            self._fill(cluster, fleet)
        else:
            self.on_hopeless(cluster, reasons.spot_timeout(fleet.kind, missing))
