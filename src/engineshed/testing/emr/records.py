"""What EMR knows of clusters, fleets, instances and steps. Changed by the machines only; `describing` turns them into
answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engineshed.testing.agenda import Appointment
from engineshed.testing.emr.faults import ClusterFault, StepFault

ON_DEMAND, SPOT = "ON_DEMAND", "SPOT"
ENDED_STATES = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})
ENDING_STATES = frozenset({"TERMINATING"}) | ENDED_STATES
STEP_ENDED_STATES = frozenset({"COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is in its state. detail: code of its `ErrorDetails`, where EMR gives one. data: its ErrorData."""

    code: str = ""
    message: str = ""
    detail: str = ""
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One EBS volume of an instance."""

    device: str
    volume_id: str
    volume_type: str
    size_gib: int


@dataclass(slots=True, kw_only=True)
class Instance:
    """One machine, billed from `created_at` until `ended_at`. state: as `InstanceState`."""

    id: str
    ec2_id: str
    fleet: Fleet
    instance_type: str
    market: str
    weight: int
    address: str
    created_at: datetime
    volumes: tuple[Volume, ...] = ()
    state: str = "PROVISIONING"
    reason: Reason = Reason()
    ready_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChoice:
    """One instance type that a fleet may use. weight: units that one of it counts for. ebs: as
    `EbsBlockDeviceConfigs`.
    """

    instance_type: str
    weight: int = 1
    priority: float = 0.0
    ebs: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True, kw_only=True)
class Fleet:
    """An instance fleet, or an instance group: a fleet of one type and one market. kind: MASTER, CORE or TASK.

    target: units wanted by market. switched: spot units that on-demand machines fill since the spot timeout.
    request: what it was asked for with.
    """

    id: str
    cluster_id: str
    kind: str
    request: Mapping[str, Any]
    types: tuple[TypeChoice, ...]
    target: dict[str, int]
    created_at: datetime
    group: bool = False
    switched: int = 0
    state: str = "PROVISIONING"
    reason: Reason = Reason()
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    instances: list[Instance] = field(default_factory=list)
    retry: Appointment | None = None

    @property
    def live(self) -> list[Instance]:
        """Machines that have not ended."""
        return [instance for instance in self.instances if instance.ended_at is None]

    def wanted(self, market: str) -> int:
        """Units of a market that machines should make up now."""
        return self.target[market] + (self.switched if market == ON_DEMAND else -self.switched)

    def held(self, market: str) -> int:
        """Units of a market that live machines make up."""
        return sum(instance.weight for instance in self.live if instance.market == market)

    def short(self, market: str) -> int:
        """Units of a market that are missing."""
        return max(0, self.wanted(market) - self.held(market))

    @property
    def satisfied(self) -> bool:
        """Whether nothing is missing."""
        return not any(self.short(market) for market in self.target)


@dataclass(slots=True, kw_only=True)
class Step:
    """One step. cancelling: how it was asked to end (`SEND_INTERRUPT`, `TERMINATE_PROCESS`), empty unless it was.

    failure: `FailureDetails` of a failed one. applications: ids of its YARN applications.
    """

    id: str
    number: int
    cluster: Cluster
    config: Mapping[str, Any]
    created_at: datetime
    execution_role: str = ""
    state: str = "PENDING"
    reason: Reason = Reason()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancelling: str = ""
    failure: Mapping[str, str] = field(default_factory=dict)
    applications: list[str] = field(default_factory=list)
    faults: tuple[StepFault, ...] = ()

    @property
    def action_on_failure(self) -> str:
        """What EMR does when it fails; CONTINUE unless said."""
        return str(self.config.get("ActionOnFailure") or "CONTINUE")

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in STEP_ENDED_STATES

    @property
    def args(self) -> tuple[str, ...]:
        """The arguments, verbatim."""
        return tuple(self.config["HadoopJarStep"].get("Args") or ())


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One cluster. request: the body of its RunJobFlow, unchanged. number: clusters before it in this account.

    idle_since: since when it has had nothing to do, while it can take steps. failed_steps: how many have failed.
    end_reason: why it is ending. waits: a failed step with CANCEL_AND_WAIT holds it up, whatever `keep_alive` says.
    """

    id: str
    number: int
    request: Mapping[str, Any]
    created_at: datetime
    region: str
    tags: dict[str, str]
    keep_alive: bool
    termination_protected: bool
    step_concurrency: int
    managed_scaling: Mapping[str, Any] | None = None
    auto_termination: Mapping[str, Any] | None = None
    visible: bool = True
    state: str = "STARTING"
    reason: Reason = Reason()
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    idle_since: datetime | None = None
    busy_since: datetime | None = None
    end_reason: Reason | None = None
    fleets: list[Fleet] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    faults: tuple[ClusterFault, ...] = ()
    waits: bool = False
    forgotten: bool = False

    @property
    def name(self) -> str:
        """As asked for."""
        return str(self.request["Name"])

    @property
    def instances(self) -> list[Instance]:
        """All machines it ever had, in the order in which they came."""
        return sorted((i for fleet in self.fleets for i in fleet.instances), key=lambda i: (i.created_at, i.id))

    @property
    def master(self) -> Instance | None:
        """The live master node."""
        return next((i for fleet in self.fleets if fleet.kind == "MASTER" for i in fleet.live), None)

    @property
    def zone(self) -> str:
        """Its availability zone."""
        return str((self.request["Instances"].get("Placement") or {}).get("AvailabilityZone") or f"{self.region}a")

    @property
    def ending(self) -> bool:
        """Whether it is ending or has ended."""
        return self.state in ENDING_STATES

    @property
    def takes_steps(self) -> bool:
        """Whether it is up."""
        return self.state in ("RUNNING", "WAITING")
