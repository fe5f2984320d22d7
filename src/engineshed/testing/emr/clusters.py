"""Clusters, from RunJobFlow to the last machine given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.emr import reasons
from engineshed.testing.emr.capacity import Capacity
from engineshed.testing.emr.faults import ClusterFault, ClusterTrouble, Mischief
from engineshed.testing.emr.hands import BootstrapFailure, Hands, StepEnd
from engineshed.testing.emr.ids import Ids
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import SPOT, Cluster, Instance, Reason, Step
from engineshed.testing.emr.requests import fleets
from engineshed.testing.emr.scaling import Scaling
from engineshed.testing.emr.steps import Steps

RETENTION = timedelta(days=60)
"""How long EMR knows of a cluster that has ended."""

_WHILE_IT_STANDS = (
    ClusterTrouble.VALIDATION,
    ClusterTrouble.INTERNAL,
    ClusterTrouble.ENDED_BY_PERSON,
    ClusterTrouble.FORGOTTEN,
)
_WHILE_IT_WORKS = (ClusterTrouble.SPOT_LOSS, ClusterTrouble.MASTER_LOST)


class Clusters:
    """The machine of clusters."""

    def __init__(self, agenda: Agenda, pace: Pace, ids: Ids, hands: Hands, mischief: Mischief) -> None:
        self._agenda, self._pace, self._ids, self._hands, self._mischief = agenda, pace, ids, hands, mischief
        self.capacity = Capacity(agenda, pace, ids)
        self.steps = Steps(agenda, pace, ids, hands, mischief)
        self.scaling = Scaling(agenda, pace, self.capacity)
        self.clusters: dict[str, Cluster] = {}
        self.capacity.on_provisioned = self._provisioned
        self.capacity.on_hopeless = self.end
        self.steps.on_start = self._step_started
        self.steps.on_failure = lambda cluster: self.end(cluster, reasons.STEP_FAILED)
        self.steps.on_idle = self._idle

    def create(self, request: Mapping[str, Any], region: str) -> Cluster:
        """Take it in."""
        instances = request["Instances"]
        cluster = Cluster(
            id=self._ids.new("j-"),
            number=len(self.clusters),
            request=request,
            created_at=self._agenda.now,
            region=region,
            tags={tag["Key"]: tag.get("Value", "") for tag in request.get("Tags") or ()},
            keep_alive=bool(instances.get("KeepJobFlowAliveWhenNoSteps")),
            termination_protected=bool(instances.get("TerminationProtected")),
            step_concurrency=int(request.get("StepConcurrencyLevel") or 1),
            managed_scaling=request.get("ManagedScalingPolicy"),
            auto_termination=request.get("AutoTerminationPolicy"),
            faults=self._mischief.of_cluster(),
        )
        cluster.reason = Reason("", "Provisioning Amazon EC2 capacity")
        cluster.fleets = fleets(cluster, self._ids)
        self.clusters[cluster.id] = cluster
        self.steps.add(cluster, request.get("Steps") or (), str(request.get("StepExecutionRoleArn") or ""))
        self.capacity.start(cluster)
        for fault in cluster.faults:
            if fault.trouble in _WHILE_IT_STANDS:
                self._agenda.after(fault.at_s, lambda f=fault: self.strike(cluster, f))  # type: ignore[misc]
        return cluster

    def find(self, cluster_id: str) -> Cluster | None:
        """Unless EMR has forgotten it."""
        cluster = self.clusters.get(cluster_id)
        if cluster is None or cluster.forgotten:
            return None
        old = cluster.ended_at is not None and self._agenda.now - cluster.ended_at > RETENTION
        return None if old else cluster

    def end(self, cluster: Cluster, reason: Reason) -> None:
        """Begin to shut it down; nothing happens to one that is ending."""
        if cluster.ending:
            return
        self._move(cluster, "TERMINATING", reason)
        cluster.end_reason = reason
        broken = reason.code in ("INSTANCE_FAILURE", "INTERNAL_ERROR")
        self.steps.abandon(cluster, "INTERRUPTED" if broken else "CANCELLED")
        self._agenda.after(self._pace.terminate_s, lambda: self._ended(cluster, reason))

    def _ended(self, cluster: Cluster, reason: Reason) -> None:
        self.capacity.end(cluster)
        self._hands.release(cluster)
        cluster.ended_at = self._agenda.now
        self._move(cluster, reasons.final_state(reason), reason)

    def _provisioned(self, cluster: Cluster) -> None:
        self._agenda.after(self._pace.boot_s, lambda: self._bootstrap(cluster))

    def _bootstrap(self, cluster: Cluster) -> None:
        if cluster.state != "STARTING":
            return
        self._move(cluster, "BOOTSTRAPPING", Reason("", "Running bootstrap actions"))
        self.capacity.boot(cluster)
        told = next((f for f in cluster.faults if f.trouble is ClusterTrouble.BOOTSTRAP), None)
        if told is not None:
            self._bootstrapped(cluster, BootstrapFailure(number=1))
        else:
            self._hands.bootstrap(cluster, lambda failure: self._bootstrapped(cluster, failure))

    def _bootstrapped(self, cluster: Cluster, failure: BootstrapFailure | None) -> None:
        if failure is None:
            self._agenda.after(self._pace.software_s, lambda: self._ready(cluster))
        else:
            self.end(cluster, reasons.bootstrap_failed(cluster, failure))

    def _ready(self, cluster: Cluster) -> None:
        if cluster.state != "BOOTSTRAPPING":
            return
        self.capacity.ready(cluster)
        cluster.ready_at = self._agenda.now
        self._move(cluster, "WAITING", Reason("", "Cluster ready to run steps."))
        self.steps.dispatch(cluster)

    def _step_started(self, step: Step) -> None:
        cluster = step.cluster
        self._move(cluster, "RUNNING", Reason("", "Running step"))
        cluster.idle_since = None
        if cluster.busy_since is None:
            cluster.busy_since = self._agenda.now
            self.scaling.busy(cluster)
        if step.number == 0:
            for fault in cluster.faults:
                if fault.trouble in _WHILE_IT_WORKS:
                    self._agenda.after(fault.at_s, lambda f=fault: self.strike(cluster, f))  # type: ignore[misc]

    def _idle(self, cluster: Cluster) -> None:
        cluster.busy_since = None
        if not (cluster.keep_alive or cluster.waits):
            failed = any(step.state == "FAILED" for step in cluster.steps)
            self.end(cluster, reasons.STEPS_COMPLETED_WITH_ERRORS if failed else reasons.STEPS_COMPLETED)
            return
        if cluster.idle_since is None:
            cluster.idle_since = self._agenda.now
            last = cluster.steps[-1].state.lower() if cluster.steps else ""
            self._move(cluster, "WAITING", Reason("", f"Cluster ready after last step {last}." if last else "Waiting"))
            self.scaling.idle(cluster)
            self.watch_idleness(cluster)

    def watch_idleness(self, cluster: Cluster) -> None:
        """End it once it has been idle for as long as its auto-termination policy says."""
        since, policy = cluster.idle_since, cluster.auto_termination
        if since is None or policy is None or cluster.ending:
            return
        limit_s = float(policy.get("IdleTimeout", 3600)) * self._pace.factor
        if (self._agenda.now - since).total_seconds() >= limit_s:
            if not cluster.termination_protected:
                self.end(cluster, reasons.IDLE)
        else:
            self._agenda.after(self._pace.idle_check_s, lambda: self._still_idle(cluster, since))

    def _still_idle(self, cluster: Cluster, since: object) -> None:
        if cluster.idle_since == since:
            self.watch_idleness(cluster)

    def strike(self, cluster: Cluster, fault: ClusterFault) -> None:
        """Let a fault happen now; one that waits for its hour (NO_CAPACITY, BOOTSTRAP) from now on."""
        if fault.trouble in (ClusterTrouble.NO_CAPACITY, ClusterTrouble.BOOTSTRAP):
            since_s = (self._agenda.now - cluster.created_at).total_seconds()
            cluster.faults = (*cluster.faults, replace(fault, at_s=since_s))
        elif fault.trouble is ClusterTrouble.FORGOTTEN:
            self.end(cluster, reasons.USER_REQUEST)
            cluster.forgotten = True
        elif fault.trouble is ClusterTrouble.SPOT_LOSS:
            self.take_spot(cluster, fault.count, breaks_step=fault.breaks_step)
        else:
            reason = reasons.of_fault(cluster, fault)
            if fault.trouble is ClusterTrouble.MASTER_LOST and cluster.master is not None:
                self.capacity.lose(cluster, [cluster.master])
            self.end(cluster, reason)

    def take_spot(self, cluster: Cluster, count: int, *, breaks_step: bool) -> None:
        """EC2 takes so many spot machines (0: all), task nodes first; the cluster ends when no core node or no master
        is left.
        """
        if cluster.ending:
            return
        order = {"TASK": 0, "CORE": 1, "MASTER": 2}
        spot = [i for i in cluster.instances if i.market == SPOT and i.ended_at is None]
        taken = sorted(spot, key=lambda i: order[i.fleet.kind])[: count or len(spot)]
        self.capacity.lose(cluster, taken)
        master = next((i for i in taken if i.fleet.kind == "MASTER"), None)
        if master is not None:
            self.end(cluster, reasons.master_lost(master))
        elif _lost_core(cluster, taken):
            self.end(cluster, reasons.NO_CORE_LEFT)
        elif breaks_step and taken:
            lost = f"ExecutorLostFailure: the instance {taken[0].ec2_id} was reclaimed by EC2."
            self.steps.fail_running(cluster, StepEnd(exit_code=1, message=lost))

    def _move(self, cluster: Cluster, state: str, reason: Reason) -> None:
        cluster.state, cluster.reason = state, reason


def _lost_core(cluster: Cluster, taken: list[Instance]) -> bool:
    core = [fleet for fleet in cluster.fleets if fleet.kind == "CORE"]
    return bool(core) and any(i.fleet.kind == "CORE" for i in taken) and not any(fleet.live for fleet in core)
