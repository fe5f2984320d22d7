"""Which runs may go: a job's own limit of concurrent runs, the workspace's limit of active tasks, and the queue
before both.
"""

from __future__ import annotations

from collections.abc import Iterable

from engineshed.testing.databricks.endings import Ending
from engineshed.testing.databricks.limits import Limits
from engineshed.testing.databricks.records import JobRun
from engineshed.testing.databricks.refusals import Refusal

TOO_MANY = Ending(
    life_cycle="SKIPPED",
    result="MAXIMUM_CONCURRENT_RUNS_REACHED",
    code="MAX_CONCURRENT_RUNS_EXCEEDED",
    kind="CLIENT_ERROR",
    message="Skipping this run because the limit of maximum concurrent runs has been reached.",
)


def obstacle(run: JobRun, others: Iterable[JobRun], limits: Limits) -> str:
    """Why the run has to wait, as `QueueDetailsCodeCode`; empty when it may go."""
    going = [other for other in others if other is not run and not other.over and not other.queued]
    of_job = [other for other in going if other.job_id == run.job_id]
    if run.kind == "JOB_RUN" and len(of_job) >= int(run.settings.get("max_concurrent_runs", 1)):
        return "MAX_CONCURRENT_RUNS_REACHED"
    if sum(len(other.active) for other in going) >= limits.active_tasks:
        return "ACTIVE_RUNS_LIMIT_REACHED"
    return ""


def queues(run: JobRun) -> bool:
    """Whether the run would rather wait than be skipped."""
    return bool((run.settings.get("queue") or {}).get("enabled"))


def full() -> Refusal:
    """A run that cannot start at once, and would not wait."""
    return Refusal(
        429,
        "RESOURCE_EXHAUSTED",
        "The quota for the number of active runs has been reached. The current quota is for this workspace.",
        retry_after_s=1,
    )
