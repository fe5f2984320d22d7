"""What a run is and came to, given its tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engineshed.testing.databricks.endings import (
    CANCELED,
    SUCCESS,
    TIMED_OUT,
    UPSTREAM_CANCELED,
    UPSTREAM_FAILED,
    Ending,
    failed,
)
from engineshed.testing.databricks.records import JobRun, TaskRun

LIFE_CYCLES: Mapping[str, str] = {"WAITING": "WAITING_FOR_RETRY"}
"""States that the older `Run.state` calls otherwise."""


def state(run: JobRun) -> str:
    """The run's `RunLifecycleStateV2State`."""
    if run.over:
        return "TERMINATED"
    if run.queued:
        return "QUEUED"
    states = [task.state for task in run.tasks]
    if run.cancelled is not None or (states and all(s in ("TERMINATING", "TERMINATED") for s in states)):
        return "TERMINATING"
    return next((s for s in ("RUNNING", "WAITING") if s in states), "RUNNING" if "TERMINATED" in states else "PENDING")


def ending(run: JobRun) -> Ending:
    """What a run whose tasks are all over came to."""
    if run.skipped is not None:
        return run.skipped
    if run.cancelled is not None:
        return run.cancelled
    leaves = _leaves(run)
    bad = [t for t in leaves if t.ending and not t.ending.good]
    if not bad:
        return SUCCESS if all(_good(t) for t in run.tasks) else _with_failures(run)
    first = next((t for t in run.tasks if t.ending and t.ending.result in ("FAILED", "TIMEDOUT", "CANCELED")), bad[0])
    assert first.ending is not None
    return _of_task(first, first.ending, len(run.tasks) > 1)


def _good(task: TaskRun) -> bool:
    return task.ending is not None and task.ending.good


def _with_failures(run: JobRun) -> Ending:
    keys = ", ".join(t.key for t in run.tasks if not _good(t))
    return Ending(result="SUCCESS_WITH_FAILURES", code="SUCCESS_WITH_FAILURES", message=f"Tasks {keys} failed.")


def _of_task(task: TaskRun, found: Ending, several: bool) -> Ending:
    if found.result == "CANCELED":
        return CANCELED
    if found.result == "TIMEDOUT":
        return TIMED_OUT
    message = f"Task {task.key} failed with message: {found.message.rstrip('.')}."
    if several:
        message += " This caused all downstream tasks to get skipped."
    return failed(found.code, message) if found.kind == failed(found.code, "").kind else _like(found, message)


def _like(found: Ending, message: str) -> Ending:
    return Ending(life_cycle="INTERNAL_ERROR", result="FAILED", code=found.code, kind=found.kind, message=message)


def _leaves(run: JobRun) -> list[TaskRun]:
    needed = {need["task_key"] for task in run.tasks for need in task.spec.get("depends_on") or ()}
    return [task for task in run.tasks if task.key not in needed]


def may_start(task: TaskRun) -> bool | Ending:
    """Whether a blocked task may start; an Ending when it never will."""
    needs = [task.run.task(need["task_key"]) for need in task.spec.get("depends_on") or ()]
    if not all(need.over for need in needs):
        return False
    if _allows(str(task.spec.get("run_if") or "ALL_SUCCESS"), needs):
        return True
    cancelled = any(n.ending and n.ending.result in ("CANCELED", "UPSTREAM_CANCELED") for n in needs)
    return UPSTREAM_CANCELED if cancelled else UPSTREAM_FAILED


def _allows(run_if: str, needs: Sequence[TaskRun]) -> bool:
    good = [_good(n) for n in needs]
    bad = [n.ending is not None and n.ending.result in ("FAILED", "TIMEDOUT", "UPSTREAM_FAILED") for n in needs]
    return {
        "ALL_SUCCESS": all(good),
        "ALL_DONE": True,
        "NONE_FAILED": not any(bad),
        "AT_LEAST_ONE_SUCCESS": any(good) or not needs,
        "ALL_FAILED": all(bad),
        "AT_LEAST_ONE_FAILED": any(bad),
    }[run_if]
