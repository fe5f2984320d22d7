"""Clusters: asked for, running, resized, robbed of their spot machines, ended; with every event and every machine's
span.

States and events are the vendor's (`State`, `EventType` of the Clusters API). Jobs wait for a cluster by
`when_running` and hear of its loss by `tenants`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.databricks.endings import POOL_FULL, Ending, cluster_ended
from engineshed.testing.databricks.nodes import Node, availability, hardware, node, workers_wanted
from engineshed.testing.databricks.pace import Pace

LIVE = ("PENDING", "RUNNING", "RESIZING", "RESTARTING")


@dataclass(slots=True)
class Cluster:
    """One cluster. machines: its spec with what pool and defaults add. reason: the vendor's termination reason.

    waiting: told once it runs, or how it ended instead. tenants: told how it ended while they use it.
    """

    cluster_id: str
    name: str
    spec: Mapping[str, Any]
    machines: Mapping[str, Any]
    source: str
    created_at: datetime
    state: str = "PENDING"
    message: str = ""
    running_at: datetime | None = None
    terminated_at: datetime | None = None
    reason: Mapping[str, Any] | None = None
    no_spot: bool = False
    default_tags: Mapping[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Callable[[Ending | None], None]] = field(default_factory=list)
    tenants: list[Callable[[Ending], None]] = field(default_factory=list)
    libraries: set[str] = field(default_factory=set)

    @property
    def workers(self) -> list[Node]:
        """Those held now."""
        return [n for n in self.nodes if not n.driver and n.until is None]

    @property
    def live(self) -> bool:
        """Whether commands can be run there, now or soon."""
        return self.state in LIVE


class Fleet:
    """All clusters of the workspace."""

    def __init__(self, agenda: Agenda, pace: Pace, pools: Mapping[str, Mapping[str, Any]]) -> None:
        self._agenda, self._pace, self._pools = agenda, pace, pools
        self._numbers = itertools.count(1)
        self.clusters: dict[str, Cluster] = {}
        self.forgotten: set[str] = set()
        self.boot: Callable[[Cluster, Callable[[Ending | None], None]], None] = lambda cluster, told: told(None)
        self.on_running: Callable[[Cluster], None] = lambda cluster: None
        self.on_terminated: Callable[[Cluster], None] = lambda cluster: None

    def create(self, spec: Mapping[str, Any], name: str, source: str, default_tags: Mapping[str, str]) -> Cluster:
        """Ask for one. `when_running` says how that went."""
        now = self._agenda.now
        cluster_id = f"{now:%m%d-%H%M%S}-{next(self._numbers):08x}"
        vendor = {"Vendor": "Databricks", "Creator": "double@example.com", "ClusterId": cluster_id, "ClusterName": name}
        machines = hardware(spec, self._pools)
        cluster = Cluster(cluster_id, name, spec, machines, source, now, default_tags={**vendor, **default_tags})
        self.clusters[cluster_id] = cluster
        self._event(cluster, "CREATING", cluster_size=_size(spec), user="double@example.com")
        self._boot(cluster)
        return cluster

    def find(self, cluster_id: str) -> Cluster | None:
        """The cluster of that id; None when there is none, or it was deleted for good."""
        return None if cluster_id in self.forgotten else self.clusters.get(cluster_id)

    def start(self, cluster: Cluster) -> None:
        """Start a terminated one anew."""
        cluster.state, cluster.terminated_at, cluster.reason, cluster.message = "PENDING", None, None, ""
        cluster.libraries.clear()
        self._event(cluster, "STARTING", cluster_size=_size(cluster.spec), user="double@example.com")
        self._boot(cluster)

    def when_running(self, cluster: Cluster, told: Callable[[Ending | None], None]) -> None:
        """Tell None once it runs, or how it ended instead."""
        if cluster.state in ("RUNNING", "RESIZING"):
            told(None)
        else:
            cluster.waiting.append(told)

    def _boot(self, cluster: Cluster) -> None:
        cluster.message = "Finding instances for new nodes, acquiring more instances if necessary"
        idle = self._pool(cluster).get("min_idle_instances")
        delay_s = self._pace.pool_start_s if idle else self._pace.cluster_start_s
        self._agenda.after(delay_s, lambda: self._has_driver(cluster))

    def _pool(self, cluster: Cluster) -> Mapping[str, Any]:
        return self._pools.get(str(cluster.spec.get("instance_pool_id")), {})

    def _pool_is_full(self, cluster: Cluster) -> bool:
        most, pool_id = self._pool(cluster).get("max_capacity"), cluster.spec.get("instance_pool_id")
        held = [n for c in self.clusters.values() for n in c.nodes if n.pool_id == pool_id and n.until is None]
        return most is not None and len(held) + 1 + workers_wanted(cluster.spec)[0] > int(most)

    def _has_driver(self, cluster: Cluster) -> None:
        if cluster.state != "PENDING":
            return
        if self._pool_is_full(cluster):
            self.terminate(cluster, POOL_FULL)
            return
        cluster.nodes.append(self._node(cluster, 0))
        scripts = bool(cluster.spec.get("init_scripts"))
        if scripts:
            cluster.message = "Starting Spark"
            self._event(cluster, "INIT_SCRIPTS_STARTED")
        self.boot(cluster, lambda ending: self._booted(cluster, ending, scripts))

    def _booted(self, cluster: Cluster, failed: Ending | None, scripts: bool) -> None:
        if scripts:
            self._event(cluster, "INIT_SCRIPTS_FINISHED")
        if failed is not None:
            self.terminate(cluster, failed.reason, failed)
        if cluster.state == "PENDING":
            self._running(cluster)

    def _running(self, cluster: Cluster) -> None:
        least, _ = workers_wanted(cluster.spec)
        cluster.state, cluster.message, cluster.running_at = "RUNNING", "", self._agenda.now
        self._event(cluster, "RUNNING", current_num_workers=0, target_num_workers=least)
        self._event(cluster, "DRIVER_HEALTHY")
        self.on_running(cluster)
        told, cluster.waiting = cluster.waiting, []
        for one in told:
            one(None)
        if least:
            self._agenda.after(self._pace.workers_s, lambda: self._grow(cluster, least))

    def _node(self, cluster: Cluster, number: int) -> Node:
        return node(cluster.machines, number, self._agenda.now, no_spot=cluster.no_spot)

    def _grow(self, cluster: Cluster, wanted: int) -> None:
        if cluster.state not in ("RUNNING", "RESIZING"):
            return
        for number in range(len(cluster.workers) + 1, wanted + 1):
            cluster.nodes.append(self._node(cluster, number))
        cluster.state = "RUNNING"
        self._event(cluster, "UPSIZE_COMPLETED", current_num_workers=len(cluster.workers), target_num_workers=wanted)

    def resize(self, cluster: Cluster, wanted: int, cause: str = "AUTOSCALE") -> None:
        """More or fewer workers; more come after a while, fewer go at once."""
        if cluster.state != "RUNNING" or wanted == len(cluster.workers):
            return
        held = len(cluster.workers)
        self._event(cluster, "RESIZING", cause=cause, current_num_workers=held, target_num_workers=wanted)
        if wanted > held:
            cluster.state = "RESIZING"
            self._agenda.after(self._pace.workers_s, lambda: self._grow(cluster, wanted))
        for gone in cluster.workers[wanted:]:
            gone.until = self._agenda.now

    def lose(self, cluster: Cluster, count: int) -> None:
        """Spot takes so many workers; they are replaced after a while."""
        wanted = len(cluster.workers)
        spot = [n for n in cluster.workers if n.market == "spot"][:count]
        if not spot or not cluster.live:
            return
        for gone in spot:
            gone.until = self._agenda.now
        reason = {
            "code": "SPOT_INSTANCE_TERMINATION",
            "type": "CLOUD_FAILURE",
            "parameters": {"instance_id": spot[0].node_id},
        }
        left = len(cluster.workers)
        self._event(cluster, "NODES_LOST", current_num_workers=left, target_num_workers=wanted, reason=reason)
        cluster.no_spot = cluster.no_spot or availability(cluster.machines) == "spot_with_fallback"
        self._agenda.after(self._pace.replace_s, lambda: self._grow(cluster, wanted))

    def terminate(self, cluster: Cluster, reason: Mapping[str, Any], ending: Ending | None = None) -> None:
        """End it; nothing happens to one that has ended.

        ending: what its tasks come to; by the reason when not given.
        """
        if not cluster.live:
            return
        ending = ending or cluster_ended(cluster.cluster_id, reason, of_a_person=cluster.source != "JOB")
        cluster.state, cluster.reason = "TERMINATING", reason
        self._event(cluster, "TERMINATING", reason=dict(reason))
        told = [*cluster.waiting, *cluster.tenants]
        cluster.waiting, cluster.tenants = [], []
        for one in told:
            one(ending)
        self._agenda.after(self._pace.terminate_s, lambda: self._terminated(cluster))

    def _terminated(self, cluster: Cluster) -> None:
        cluster.state, cluster.terminated_at = "TERMINATED", self._agenda.now
        for held in cluster.nodes:
            held.until = held.until or self._agenda.now
        self.on_terminated(cluster)
        if cluster.waiting:
            self.start(cluster)

    def report(self, cluster: Cluster, kind: str, **details: Any) -> None:
        """One more event of a cluster."""
        self._event(cluster, kind, **details)

    def _event(self, cluster: Cluster, kind: str, **details: Any) -> None:
        moment = int(self._agenda.now.timestamp() * 1000)
        event = {"cluster_id": cluster.cluster_id, "timestamp": moment, "type": kind, "details": details}
        cluster.events.append(event)


def _size(spec: Mapping[str, Any]) -> dict[str, Any]:
    if spec.get("autoscale"):
        return {"autoscale": dict(spec["autoscale"])}
    return {"num_workers": int(spec.get("num_workers", 0))}
