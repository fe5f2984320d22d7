"""What the workspace knows of a run and of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from engineshed.testing.agenda import Appointment
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import Ending
from engineshed.testing.databricks.faults import RunFault


@dataclass(slots=True)
class TaskRun:
    """One attempt at one task. `state` in the words of `RunLifecycleStateV2State`.

    verdict: what it will have come to, once the platform has dealt with it. ending: what it came to.
    """

    run_id: int
    run: JobRun
    spec: Mapping[str, Any]
    attempt: int = 0
    original_run_id: int = 0
    state: str = "BLOCKED"
    cluster: Cluster | None = None
    faults: tuple[RunFault, ...] = ()
    parameters: Sequence[str] = ()
    started_at: datetime | None = None
    running_at: datetime | None = None
    work_ended_at: datetime | None = None
    ended_at: datetime | None = None
    verdict: Ending | None = None
    ending: Ending | None = None
    deadline: Appointment | None = None

    @property
    def key(self) -> str:
        """Its name within the run."""
        return str(self.spec["task_key"])

    @property
    def serverless(self) -> bool:
        """Whether it has no cluster."""
        return not any(self.spec.get(k) for k in ("new_cluster", "existing_cluster_id", "job_cluster_key"))

    @property
    def over(self) -> bool:
        """Whether nothing more happens to this attempt."""
        return self.state == "TERMINATED"


@dataclass(slots=True)
class JobRun:
    """One run of one or more tasks. `attempts` holds every attempt of every task, in the order of their starts.

    queued: why it waits, as `QueueDetailsCodeCode`, empty while it does not. skipped: why it never ran. cancelled: by
    whom. repairs: earlier and later passes over the tasks, as `RepairHistoryItem`.
    """

    run_id: int
    job_id: int
    kind: str
    name: str
    settings: Mapping[str, Any]
    submitted_at: datetime
    creator: str
    idempotency_token: str = ""
    attempts: list[TaskRun] = field(default_factory=list)
    queued: str = ""
    queued_until: datetime | None = None
    skipped: Ending | None = None
    cancelled: Ending | None = None
    ended_at: datetime | None = None
    deadline: Appointment | None = None
    clusters: dict[str, Cluster] = field(default_factory=dict)
    overriding: Mapping[str, Any] = field(default_factory=dict)
    repairs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tasks(self) -> list[TaskRun]:
        """The newest attempt of each task, in the order in which they are declared."""
        newest = {task.key: task for task in self.attempts}
        return [newest[spec["task_key"]] for spec in self.settings["tasks"] if spec["task_key"] in newest]

    @property
    def active(self) -> list[TaskRun]:
        """The tasks that count against the workspace's limit."""
        return [task for task in self.attempts if task.state not in ("BLOCKED", "WAITING", "TERMINATED")]

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it, short of a repair."""
        return self.ended_at is not None

    def task(self, key: str) -> TaskRun:
        """The newest attempt of that task."""
        return next(task for task in self.tasks if task.key == key)


class Driver(Protocol):
    """What runs the scripts: a real process, or a line in a plan."""

    stop_s: float
    """How long a script may take for its KeyboardInterrupt."""

    def boot(self, cluster: Cluster, told: Callable[[Ending | None], None]) -> None:
        """Make a cluster's machine ready: init scripts. Tells how it ended where that failed."""
        ...

    def prepare(self, task: TaskRun, told: Callable[[Ending | None], None]) -> None:
        """Make the machine ready for a task: libraries. Tells how it ended where that failed."""
        ...

    def start(self, task: TaskRun, ended: Callable[[Ending], None]) -> None:
        """Begin; `ended` is told once, at the end."""
        ...

    def stop(self, task: TaskRun) -> None:
        """Interrupt it; `ended` is told when it gives in."""
        ...

    def kill(self, task: TaskRun) -> None:
        """It is gone from now on; nobody is told. No error when it is over."""
        ...

    def logs(self, task: TaskRun) -> bytes:
        """What the script has written to stdout and stderr."""
        ...

    def poll(self) -> None:
        """Look after what runs."""
        ...

    def close(self) -> None:
        """Leave nothing running."""
        ...
