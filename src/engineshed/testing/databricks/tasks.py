"""One attempt at one task, from its request for compute to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engineshed.testing.agenda import Agenda
from engineshed.testing.databricks.clusters import Cluster, Fleet
from engineshed.testing.databricks.endings import (
    CANCELED,
    ENDED_BY_PERSON,
    INIT_SCRIPT_FAILED,
    JOB_DONE,
    NO_CAPACITY,
    NO_MACHINE,
    SPOT_TOOK_DRIVER,
    TIMED_OUT,
    Ending,
    failed,
)
from engineshed.testing.databricks.faults import RunFault, RunTrouble
from engineshed.testing.databricks.nodes import availability
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.records import Driver, TaskRun

_BEFORE_CLUSTER = {
    RunTrouble.WORKSPACE_FULL: failed(
        "WORKSPACE_RUN_LIMIT_EXCEEDED",
        "The workspace has reached the quota for the maximum number of concurrent active runs.",
    ),
    RunTrouble.REQUEST_LIMIT: failed(
        "CLUSTER_REQUEST_LIMIT_EXCEEDED",
        "The number of cluster creation, start, and upsize requests has exceeded the rate limit of 100 / 60 seconds.",
    ),
}


class Tasks:
    """The machine of tasks.

    `on_over` hears of each attempt that is over; `on_forgotten` of a run that faults delete.
    """

    def __init__(self, agenda: Agenda, fleet: Fleet, pace: Pace, driver: Driver) -> None:
        self._agenda, self._fleet, self._pace, self._driver = agenda, fleet, pace, driver
        self.on_over: Callable[[TaskRun], None] = lambda task: None
        self.on_forgotten: Callable[[TaskRun], None] = lambda task: None

    def start(self, task: TaskRun, faults: tuple[RunFault, ...]) -> None:
        """Ask for compute."""
        task.state, task.started_at, task.faults = "PENDING", self._agenda.now, faults
        seconds = task.spec.get("timeout_seconds")
        if seconds:
            task.deadline = self._agenda.after(seconds, lambda: self.end(task, TIMED_OUT))
        for trouble, ending in _BEFORE_CLUSTER.items():
            if _has(task, trouble):
                self._agenda.after(self._pace.wrap_up_s, lambda e=ending: self.end(task, e))  # type: ignore[misc]
                return
        if task.serverless:
            self._agenda.after(self._pace.serverless_start_s, lambda: self._install(task, _environment_libraries(task)))
            return
        task.cluster = self._cluster(task)
        if task.cluster is not None:
            self._rent(task, task.cluster)

    def _cluster(self, task: TaskRun) -> Cluster | None:
        existing = task.spec.get("existing_cluster_id")
        if existing:
            cluster = self._fleet.find(existing)
            if cluster is None:
                self.end(task, failed("RESOURCE_NOT_FOUND", f"Cluster {existing} does not exist"))
            elif cluster.state == "TERMINATED":
                self._fleet.start(cluster)
            return cluster
        key = task.spec.get("job_cluster_key")
        shared = task.run.clusters.get(key) if key else None
        if shared is not None and shared.live:
            return shared
        cluster = self._fleet.create(_cluster_spec(task), _cluster_name(task), "JOB", _default_tags(task))
        if key:
            task.run.clusters[key] = cluster
        return cluster

    def _rent(self, task: TaskRun, cluster: Cluster) -> None:
        no_spot = _has(task, RunTrouble.NO_SPOT)
        cluster.no_spot = cluster.no_spot or no_spot
        starting = cluster.state == "PENDING"
        no_machine = _has(task, RunTrouble.NO_CAPACITY) or (no_spot and availability(cluster.machines) == "spot")
        if starting and no_machine:
            self._agenda.after(self._pace.workers_s, lambda: self._fleet.terminate(cluster, NO_CAPACITY))
        if starting and _has(task, RunTrouble.INIT_SCRIPT):
            self._agenda.after(self._pace.workers_s, lambda: self._fleet.terminate(cluster, INIT_SCRIPT_FAILED))
        self._fleet.when_running(cluster, lambda ending: self._rented(task, cluster, ending))

    def _rented(self, task: TaskRun, cluster: Cluster, ending: Ending | None) -> None:
        if task.state != "PENDING":
            return
        if ending is not None:
            self.end(task, ending)
            return
        cluster.tenants.append(lambda found: self._lost(task, found))
        wanted = {str(sorted(library.items())) for library in task.spec.get("libraries") or ()}
        self._install(task, wanted - cluster.libraries)
        cluster.libraries |= wanted

    def _install(self, task: TaskRun, libraries: set[str]) -> None:
        self._agenda.after(self._pace.library_s * len(libraries), lambda: self._prepare(task))

    def _prepare(self, task: TaskRun) -> None:
        if task.state == "PENDING":
            self._driver.prepare(task, lambda ending: self._prepared(task, ending))

    def _prepared(self, task: TaskRun, ending: Ending | None) -> None:
        if ending is not None:
            self.end(task, ending)
        elif task.state == "PENDING":
            self._run(task)

    def _run(self, task: TaskRun) -> None:
        if _has(task, RunTrouble.LIBRARY):
            self.end(
                task, failed("LIBRARY_INSTALLATION_ERROR", "Library installation failed for library due to user error.")
            )
            return
        told = next((f for f in task.faults if f.trouble is RunTrouble.ENDS_AS), None)
        if told is not None:
            self.end(task, failed(told.code, told.message or f"The run ended with {told.code}."))
            return
        task.state, task.running_at = "RUNNING", self._agenda.now
        for fault in task.faults:
            self._agenda.after(fault.at_s, lambda f=fault: self._strike(task, f))  # type: ignore[misc]
        self._watch_load(task)
        self._driver.start(task, lambda ending: self._ended(task, ending))

    def _watch_load(self, task: TaskRun) -> None:
        cluster = task.cluster
        autoscale = cluster.spec.get("autoscale") if cluster else None
        if cluster is not None and autoscale:
            most = int(autoscale["max_workers"])
            self._agenda.after(self._pace.autoscale_s, lambda: self._scale(task, cluster, most))

    def _scale(self, task: TaskRun, cluster: Cluster, most: int) -> None:
        if task.state == "RUNNING":
            self._fleet.resize(cluster, most)

    def _strike(self, task: TaskRun, fault: RunFault) -> None:
        if task.state != "RUNNING":
            return
        cluster = task.cluster
        if fault.trouble is RunTrouble.RUN_DELETED:
            self.on_forgotten(task)
        elif cluster is None:
            return
        elif fault.trouble is RunTrouble.NODES_LOST:
            self._fleet.lose(cluster, fault.workers)
        elif fault.trouble is RunTrouble.DRIVER_LOST:
            spot = any(node.driver and node.market == "spot" and node.until is None for node in cluster.nodes)
            self._fleet.report(cluster, "DRIVER_UNAVAILABLE")
            self._fleet.terminate(cluster, SPOT_TOOK_DRIVER if spot else NO_MACHINE)
        elif fault.trouble is RunTrouble.CLUSTER_GONE:
            self._fleet.terminate(cluster, ENDED_BY_PERSON)

    def _ended(self, task: TaskRun, ending: Ending) -> None:
        """The script is over by itself, or has given in."""
        if task.over or task.work_ended_at is not None:
            return
        task.work_ended_at = self._agenda.now
        if task.verdict is None:
            task.verdict, task.state = ending, "TERMINATING"
            self._agenda.after(self._pace.wrap_up_s, lambda: self._conclude(task))
        else:
            self._agenda.after(self._pace.cancel_s, lambda: self._conclude(task))

    def _lost(self, task: TaskRun, ending: Ending) -> None:
        """Its cluster is gone."""
        if not task.over and task.verdict is None:
            self._driver.kill(task)
            self._end(task, ending, self._pace.wrap_up_s)

    def end(self, task: TaskRun, ending: Ending) -> None:
        """End a task that is not over yet, with that verdict; a running script is interrupted first."""
        if task.over or task.verdict is not None:
            return
        if task.state != "RUNNING":
            self._end(task, ending, self._pace.cancel_s if ending is CANCELED else 0.0)
            return
        task.verdict, task.state = ending, "TERMINATING"
        self._agenda.after(self._driver.stop_s + self._pace.cancel_s, lambda: self._conclude(task))
        self._driver.stop(task)

    def _end(self, task: TaskRun, ending: Ending, delay_s: float) -> None:
        task.verdict, task.state = ending, "TERMINATING"
        self._agenda.after(delay_s, lambda: self._conclude(task))

    def _conclude(self, task: TaskRun) -> None:
        if task.over:
            return
        self._driver.kill(task)
        task.state, task.ending, task.ended_at = "TERMINATED", task.verdict, self._agenda.now
        if task.deadline is not None:
            task.deadline.cancel()
        self.on_over(task)

    def release(self, cluster: Cluster) -> None:
        """End a job cluster that no task needs any more."""
        if cluster.source == "JOB":
            self._fleet.terminate(cluster, JOB_DONE)


def _has(task: TaskRun, trouble: RunTrouble) -> bool:
    return any(fault.trouble is trouble for fault in task.faults)


def _cluster_spec(task: TaskRun) -> Mapping[str, Any]:
    spec = task.spec.get("new_cluster")
    if spec is None:
        shared = task.run.settings.get("job_clusters") or ()
        spec = next(c["new_cluster"] for c in shared if c["job_cluster_key"] == task.spec["job_cluster_key"])
    return dict(spec)


def _cluster_name(task: TaskRun) -> str:
    return f"job-{task.run.job_id}-run-{task.run.run_id}-{task.spec.get('job_cluster_key') or task.key}"


def _default_tags(task: TaskRun) -> dict[str, str]:
    return {"JobId": str(task.run.job_id), "RunName": task.run.name, **(task.run.settings.get("tags") or {})}


def _environment_libraries(task: TaskRun) -> set[str]:
    key = task.spec.get("environment_key")
    found = [e for e in task.run.settings.get("environments") or () if e["environment_key"] == key]
    return set(found[0].get("spec", {}).get("dependencies") or ()) if found else set()
