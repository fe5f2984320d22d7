"""The ledger of the double: what was submitted, what machines were held, and what is billed now.

Spans are those of machines, from when the cluster has them to when it has given them back; DBUs are hours times the
node type's rate, times Photon's factor where it is on. Serverless tasks are spans too, at one rate for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engineshed.testing.databricks.catalogue import NODE_TYPES, PHOTON_FACTOR
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.nodes import Node
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.records import JobRun, TaskRun

_SECONDS = Decimal(3600)
SERVERLESS = "serverless"
SERVERLESS_DBU_PER_HOUR = Decimal(2)
"""Of a serverless task: a figure to compute with, since the vendor's depends on what the task does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One machine held, or one serverless task. end: None while it is still held. market: `spot`, `on_demand` or ''."""

    cluster_id: str
    run_ids: tuple[int, ...]
    node_type: str
    driver: bool
    market: str
    pool_id: str
    start: datetime
    end: datetime | None
    dbu_per_hour: Decimal

    def hours(self, now: datetime) -> Decimal:
        """Held so far, exact."""
        end = now if self.end is None else self.end
        return Decimal((end - self.start).total_seconds()) / _SECONDS

    def dbus(self, now: datetime) -> Decimal:
        """DBUs so far, exact."""
        return self.hours(now) * self.dbu_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What still costs, or soon will: a live cluster with its machines, or a serverless task."""

    what: str
    id: str
    state: str
    nodes: int
    run_ids: tuple[int, ...]


class Books:
    """Reads the workspace's own records, after everything has happened that is due; nothing is booked twice."""

    def __init__(self, platform: Platform, advance: Callable[[], None]) -> None:
        self._platform, self._advance = platform, advance

    @property
    def submissions(self) -> Sequence[int]:
        """Ids of all runs that were really made, in order; repeated submits of one token make one."""
        return tuple(run.run_id for run in self._platform.runs.made)

    def runs_of(self, token: str) -> int:
        """How many runs were made with that idempotency token."""
        return sum(run.idempotency_token == token for run in self._platform.runs.made)

    def spans(self, run_id: int | None = None) -> Sequence[Span]:
        """All of them, or those of one run's clusters and serverless tasks."""
        self._advance()
        with self._platform.lock:
            spans = [*self._of_clusters(), *self._of_serverless()]
        return tuple(span for span in spans if run_id is None or run_id in span.run_ids)

    def billing_now(self) -> Sequence[Held]:
        """What still costs. Empty when everything has been given back."""
        self._advance()
        with self._platform.lock:
            clusters = [
                Held(
                    what="cluster",
                    id=cluster.cluster_id,
                    state=cluster.state,
                    nodes=sum(node.until is None for node in cluster.nodes),
                    run_ids=self._run_ids(cluster),
                )
                for cluster in self._platform.fleet.clusters.values()
                if cluster.state != "TERMINATED"
            ]
            tasks = [
                Held(what=SERVERLESS, id=str(task.run_id), state=task.state, nodes=0, run_ids=(task.run.run_id,))
                for task in self._serverless()
                if not task.over
            ]
        return (*clusters, *tasks)

    def node_hours(self, *, run_id: int | None = None, market: str | None = None) -> Decimal:
        """Hours of machines, serverless left out."""
        now = self._platform.clock.now()
        spans = (s for s in self.spans(run_id) if s.node_type != SERVERLESS and market in (None, s.market))
        return sum((span.hours(now) for span in spans), Decimal(0))

    def dbus(self, run_id: int | None = None) -> Decimal:
        """DBUs of all, or of one run."""
        now = self._platform.clock.now()
        return sum((span.dbus(now) for span in self.spans(run_id)), Decimal(0))

    def _of_clusters(self) -> Iterator[Span]:
        for cluster in self._platform.fleet.clusters.values():
            run_ids = self._run_ids(cluster)
            photon = cluster.spec.get("runtime_engine") == "PHOTON"
            for node in cluster.nodes:
                yield _span(cluster, node, run_ids, PHOTON_FACTOR if photon else Decimal(1))

    def _run_ids(self, cluster: Cluster) -> tuple[int, ...]:
        runs = (r for r in self._platform.runs.made if any(t.cluster is cluster for t in r.attempts))
        return tuple(run.run_id for run in runs)

    def _serverless(self) -> Iterator[TaskRun]:
        for run in self._platform.runs.made:
            yield from (t for t in run.attempts if t.serverless and t.running_at is not None)

    def _of_serverless(self) -> Iterator[Span]:
        for task in self._serverless():
            assert task.running_at is not None
            yield Span(
                cluster_id="",
                run_ids=(task.run.run_id,),
                node_type=SERVERLESS,
                driver=False,
                market="",
                pool_id="",
                start=task.running_at,
                end=task.ended_at,
                dbu_per_hour=SERVERLESS_DBU_PER_HOUR,
            )

    def run(self, run_id: int) -> JobRun:
        """A run as the workspace knows it, also one that is deleted."""
        return next(run for run in self._platform.runs.made if run.run_id == run_id)


def _span(cluster: Cluster, node: Node, run_ids: tuple[int, ...], factor: Decimal) -> Span:
    rate = next((kind.dbu_per_hour for kind in NODE_TYPES if kind.name == node.node_type), Decimal(0))
    return Span(
        cluster_id=cluster.cluster_id,
        run_ids=run_ids,
        node_type=node.node_type,
        driver=node.driver,
        market=node.market,
        pool_id=node.pool_id,
        start=node.since,
        end=node.until,
        dbu_per_hour=rate * factor,
    )
