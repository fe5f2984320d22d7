"""Runs and their tasks as the Jobs API tells them. Pure; shapes `Run`, `BaseRun`, `RunTask` of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engineshed.testing.databricks import verdicts
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import Ending
from engineshed.testing.databricks.records import JobRun, TaskRun

_QUEUED = {
    "MAX_CONCURRENT_RUNS_REACHED": "Queued due to reaching maximum concurrent runs of {most}.",
    "ACTIVE_RUNS_LIMIT_REACHED": "Queued due to reaching the workspace limit of active task runs.",
}


def ms(moment: datetime | None) -> int:
    """Milliseconds since 1970; 0 for what has not been."""
    return 0 if moment is None else int(moment.timestamp() * 1000)


def _span(start: datetime | None, end: datetime | None) -> int:
    return 0 if start is None or end is None else max(0, (end - start) // timedelta(milliseconds=1))


def run_answer(run: JobRun, url: str, *, tasks: bool) -> dict[str, Any]:
    """One run. tasks: with its tasks, clusters and environments."""
    said = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "job_run_id": run.run_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "attempt_number": 0,
        "creator_user_name": run.creator,
        "run_name": run.name,
        "run_page_url": f"{url}/?o=1234567890123456#job/{run.job_id}/run/{run.run_id}",
        "run_type": run.kind,
        "trigger": "ONE_TIME",
        "start_time": ms(run.submitted_at),
        "end_time": ms(run.ended_at),
        "run_duration": _span(run.submitted_at, run.ended_at),
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        **_job_state(run),
    }
    if run.queued_until is not None:
        said["queue_duration"] = _span(run.submitted_at, run.queued_until)
    said.update(_parameters(run))
    if tasks:
        said["tasks"] = [task_answer(task, url) for task in run.tasks]
        said.update({k: run.settings[k] for k in ("job_clusters", "git_source") if run.settings.get(k)})
        said.update(_only_task(run))
    return said


def _parameters(run: JobRun) -> dict[str, Any]:
    overriding = {name: value for name, value in run.overriding.items() if name != "job_parameters"}
    given = run.overriding.get("job_parameters") or {}
    declared = {p["name"]: p["default"] for p in run.settings.get("parameters") or ()}
    parameters = [
        {
            "name": name,
            **({"default": declared[name]} if name in declared else {}),
            "value": given.get(name, declared.get(name)),
        }
        for name in {**declared, **given}
    ]
    return {
        **({"overriding_parameters": overriding} if overriding else {}),
        **({"job_parameters": parameters} if parameters else {}),
    }


def _only_task(run: JobRun) -> dict[str, Any]:
    """A run of one task tells that task's durations and cluster as its own."""
    if len(run.tasks) != 1:
        return {}
    task = task_answer(run.tasks[0], "")
    names = ("setup_duration", "execution_duration", "cleanup_duration", "cluster_instance")
    return {name: task[name] for name in names if name in task}


def _job_state(run: JobRun) -> dict[str, Any]:
    state = verdicts.state(run)
    if state == "QUEUED":
        details = {
            "code": run.queued,
            "message": _QUEUED[run.queued].format(most=run.settings.get("max_concurrent_runs", 1)),
        }
        old = {"life_cycle_state": "QUEUED", "state_message": "", "queue_reason": details["message"]}
        return {
            "state": {**old, "user_cancelled_or_timedout": False},
            "status": {"state": "QUEUED", "queue_details": details},
        }
    return _state(state, verdicts.ending(run) if run.over else None, "")


def _state(state: str, ending: Ending | None, message: str) -> dict[str, Any]:
    """Both ways in which the API tells a state: `state`, which is deprecated, and `status`."""
    if ending is None:
        life_cycle = verdicts.LIFE_CYCLES.get(state, state)
        old = {"life_cycle_state": life_cycle, "state_message": message, "user_cancelled_or_timedout": False}
        return {"state": old, "status": {"state": state}}
    old = {
        "life_cycle_state": ending.life_cycle,
        "result_state": ending.result,
        "state_message": ending.message,
        "user_cancelled_or_timedout": ending.result in ("CANCELED", "TIMEDOUT"),
    }
    details = {"code": ending.code, "type": ending.kind, "message": ending.message}
    return {"state": old, "status": {"state": "TERMINATED", "termination_details": details}}


def task_answer(task: TaskRun, url: str) -> dict[str, Any]:
    """One task's newest attempt."""
    spec = {k: v for k, v in task.spec.items() if k not in ("health", "compute")}
    cluster = task.cluster
    said = {
        **spec,
        "run_id": task.run_id,
        "run_page_url": f"{url}/?o=1234567890123456#job/{task.run.job_id}/run/{task.run_id}",
        "attempt_number": task.attempt,
        "start_time": ms(task.started_at),
        "end_time": ms(task.ended_at),
        "setup_duration": _span(task.started_at, task.running_at or task.ended_at),
        "execution_duration": _span(task.running_at, task.work_ended_at or task.ended_at),
        "cleanup_duration": _span(task.work_ended_at, task.ended_at),
        "run_duration": _span(task.started_at, task.ended_at),
        **_state(task.state, task.ending, _waiting(task, cluster)),
    }
    if cluster is not None:
        said["cluster_instance"] = {"cluster_id": cluster.cluster_id}
        if cluster.running_at is not None:
            said["cluster_instance"]["spark_context_id"] = str(ms(cluster.running_at))
    return said


def _waiting(task: TaskRun, cluster: Cluster | None) -> str:
    if task.state == "PENDING" and cluster is not None and cluster.state == "PENDING":
        return "Waiting for cluster"
    return "In run" if task.state == "RUNNING" else ""


def output_answer(task: TaskRun, url: str, logs: bytes, limit_bytes: int) -> dict[str, Any]:
    """What a task's run left: the last bytes of its log, and the exception."""
    whole = run_answer(task.run, url, tasks=False)
    metadata = {**whole, **{k: v for k, v in task_answer(task, url).items() if k in _OF_TASK}}
    said: dict[str, Any] = {"metadata": metadata, "logs": logs[-limit_bytes:].decode("utf-8", "replace")}
    said["logs_truncated"] = len(logs) > limit_bytes
    if task.ending is not None and task.ending.error:
        said.update(error=task.ending.error, error_trace=task.ending.trace)
    return said


_OF_TASK = (
    "run_id",
    "run_page_url",
    "attempt_number",
    "start_time",
    "end_time",
    "setup_duration",
    "execution_duration",
    "cleanup_duration",
    "run_duration",
    "state",
    "status",
    "cluster_instance",
)


def repairs(run: JobRun) -> list[Mapping[str, Any]]:
    """The passes over the tasks."""
    return [
        {
            "type": item["type"],
            "id": item["id"],
            "task_run_ids": item["task_run_ids"],
            "start_time": ms(run.submitted_at),
            "end_time": ms(item.get("ended_at")),
        }
        for item in run.repairs
    ]
