"""What the Jobs API says of a run, in the words of the model. Pure.

| `status.state` (RunLifecycleStateV2State) | `state.life_cycle_state` (RunLifeCycleState) | state |
|---|---|---|
| QUEUED, BLOCKED | QUEUED, BLOCKED | QUEUED |
| PENDING, WAITING | PENDING, WAITING_FOR_RETRY | STARTING |
| RUNNING, TERMINATING | RUNNING, TERMINATING | RUNNING: its end is not known yet |
| TERMINATED | TERMINATED, SKIPPED, INTERNAL_ERROR | final, see below |

| `state.result_state` (RunResultState) | state |
|---|---|
| SUCCESS | SUCCEEDED |
| CANCELED, UPSTREAM_CANCELED | CANCELLED |
| TIMEDOUT | FAILED: user code, `timeout` |
| all others, or none | FAILED, by `termination_details.code` |

| `termination_details.code` (TerminationCodeCode) | class |
|---|---|
| SUCCESS | SUCCEEDED |
| USER_CANCELED | CANCELLED: by us or by a person |
| CANCELED (by the platform, for want of time) | user code, `timeout` |
| RUN_EXECUTION_ERROR, SUCCESS_WITH_FAILURES | user code |
| CLUSTER_ERROR, CLOUD_FAILURE, DRIVER_ERROR, INTERNAL_ERROR | by why the cluster ended (`reasons`), else platform |
| CLUSTER_TERMINATED_BY_USER, BREAKING_CHANGE | platform: another try may do |
| limits: WORKSPACE_RUN_.., CLUSTER_REQUEST_.., MAX_CONCURRENT_.., MAX_JOB_QUEUE_.., MAX_SPARK_CONTEXTS_.. | capacity |
| UNAUTHORIZED_ERROR, STORAGE_ACCESS_ERROR | authorisation |
| INVALID_CLUSTER_REQUEST, INVALID_RUN_CONFIGURATION, LIBRARY_INSTALLATION_ERROR, RESOURCE_NOT_FOUND | configuration |
| REPOSITORY_CHECKOUT_FAILED, FEATURE_DISABLED, DISABLED, SKIPPED | configuration |
| BUDGET_POLICY_LIMIT_EXCEEDED | budget |

The task's own details come before the run's, which only repeat them. A value that the tables do not hold raises
StateUnknown.

Source: the enums of the Jobs API 2.2 and their descriptions (databricks.sdk.service.jobs), and its page on
`runs/get`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engineshed.engines.databricks import reasons
from engineshed.model.errors import StateUnknown
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.status import State, Status

JSON = Mapping[str, Any]

LIFE_CYCLE = {
    "QUEUED": State.QUEUED,
    "BLOCKED": State.QUEUED,
    "PENDING": State.STARTING,
    "WAITING": State.STARTING,
    "WAITING_FOR_RETRY": State.STARTING,
    "RUNNING": State.RUNNING,
    "TERMINATING": State.RUNNING,
}
ENDED = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})

RESULTS = {
    "SUCCESS": State.SUCCEEDED,
    "CANCELED": State.CANCELLED,
    "UPSTREAM_CANCELED": State.CANCELLED,
    "TIMEDOUT": State.FAILED,
    "FAILED": State.FAILED,
    "SUCCESS_WITH_FAILURES": State.FAILED,
    "UPSTREAM_FAILED": State.FAILED,
    "MAXIMUM_CONCURRENT_RUNS_REACHED": State.FAILED,
    "EXCLUDED": State.FAILED,
    "DISABLED": State.FAILED,
}

_BY_CLASS = {
    FailureClass.USER_CODE: "RUN_EXECUTION_ERROR SUCCESS_WITH_FAILURES CANCELED",
    FailureClass.PLATFORM: "CLUSTER_ERROR CLOUD_FAILURE DRIVER_ERROR INTERNAL_ERROR CLUSTER_TERMINATED_BY_USER "
    "BREAKING_CHANGE",
    FailureClass.CAPACITY: "WORKSPACE_RUN_LIMIT_EXCEEDED CLUSTER_REQUEST_LIMIT_EXCEEDED MAX_CONCURRENT_RUNS_EXCEEDED "
    "MAX_JOB_QUEUE_SIZE_EXCEEDED MAX_SPARK_CONTEXTS_EXCEEDED",
    FailureClass.AUTHORISATION: "UNAUTHORIZED_ERROR STORAGE_ACCESS_ERROR",
    FailureClass.CONFIGURATION: "INVALID_CLUSTER_REQUEST INVALID_RUN_CONFIGURATION LIBRARY_INSTALLATION_ERROR "
    "RESOURCE_NOT_FOUND REPOSITORY_CHECKOUT_FAILED FEATURE_DISABLED DISABLED SKIPPED",
    FailureClass.BUDGET: "BUDGET_POLICY_LIMIT_EXCEEDED",
    FailureClass.CANCELLED: "USER_CANCELED",
}
CODES = {code: failure_class for failure_class, codes in _BY_CLASS.items() for code in codes.split()}
GOOD = "SUCCESS"

_RESULT_CLASS = {
    "MAXIMUM_CONCURRENT_RUNS_REACHED": FailureClass.CAPACITY,
    "SUCCESS_WITH_FAILURES": FailureClass.USER_CODE,
    "UPSTREAM_FAILED": FailureClass.CONFIGURATION,
    "EXCLUDED": FailureClass.CONFIGURATION,
    "DISABLED": FailureClass.CONFIGURATION,
}
"""Of results without a code, from workspaces that still tell none."""

CLUSTERS_FAULT = frozenset({"CLUSTER_ERROR", "CLOUD_FAILURE", "DRIVER_ERROR", "INTERNAL_ERROR"})
"""Codes behind which the cluster's own end says more."""

_TIMEOUT = Failure(FailureClass.USER_CODE, "timeout", "The run took longer than the job's timeout_s and was ended.")


def task_of(run: JSON) -> JSON:
    """The newest attempt of the run's one task; the run itself while it has none."""
    tasks = run.get("tasks") or ()
    newest: JSON = max(tasks, key=lambda task: int(task.get("attempt_number") or 0)) if tasks else run
    return newest


def native_of(run: JSON) -> str:
    """The vendor's word for where the run is."""
    status, state = run.get("status") or {}, run.get("state") or {}
    return str(status.get("state") or state.get("life_cycle_state") or "")


def over(run: JSON) -> bool:
    """Whether the platform will not change it any more. Raises StateUnknown."""
    return _life_cycle(run) is None


def read_run(run: JSON, *, now: datetime, cluster: JSON | None = None) -> Status:
    """One observation. `cluster`: what the workspace says of the run's cluster, where its end may explain the run's.

    Raises StateUnknown.
    """
    state, task = _life_cycle(run), task_of(run)
    started_at = _time(task.get("start_time")) or _time(run.get("start_time"))
    if state is not None:
        return Status(state=state, native=native_of(run), observed_at=now, started_at=started_at)
    ended_at = _time(run.get("end_time")) or _time(task.get("end_time")) or now
    state, native, failure = _end(run, task, cluster)
    return Status(
        state=state, native=native, observed_at=now, started_at=started_at, ended_at=ended_at, failure=failure
    )


def _life_cycle(run: JSON) -> State | None:
    """None for a run that has ended."""
    native = native_of(run)
    if native in ENDED:
        return None
    if native not in LIFE_CYCLE:
        raise StateUnknown(f"run {run.get('run_id')} is in state {native!r}: not in the table of engine databricks.")
    return LIFE_CYCLE[native]


def _end(run: JSON, task: JSON, cluster: JSON | None) -> tuple[State, str, Failure | None]:
    result = str((run.get("state") or {}).get("result_state") or (task.get("state") or {}).get("result_state") or "")
    if result and result not in RESULTS:
        raise StateUnknown(f"run {run.get('run_id')} has the result {result!r}: not in the table of engine databricks.")
    details = _details(run, task)
    code = str(details.get("code") or "")
    if code and code != GOOD and code not in CODES:
        raise StateUnknown(f"run {run.get('run_id')} ended with {code!r}: not in the table of engine databricks.")
    if result == "TIMEDOUT" or code == "CANCELED":
        return State.FAILED, result or code, _TIMEOUT
    if code == "USER_CANCELED" or RESULTS.get(result) is State.CANCELLED:
        return State.CANCELLED, code or result, None
    if RESULTS.get(result) is State.SUCCEEDED or (not result and code == GOOD):
        return State.SUCCEEDED, result or code, None
    failure = _failure(code, result, _message(run, task, details), cluster)
    return State.FAILED, code or result or native_of(run), failure


def _failure(code: str, result: str, message: str, cluster: JSON | None) -> Failure:
    ended = (cluster or {}).get("termination_reason") or {}
    if code in CLUSTERS_FAULT and ended:
        found = reasons.failure_of(ended, message)
        if found is not None:
            return found
    failure_class = CODES.get(code) or _RESULT_CLASS.get(result, FailureClass.PLATFORM)
    reason = (code or result or "no_result").lower()
    return Failure(failure_class, reason, message or f"The run ended with {code or result}, and nothing says why.")


def _details(run: JSON, task: JSON) -> JSON:
    for said in (task, run):
        details: JSON = (said.get("status") or {}).get("termination_details") or {}
        if details.get("code"):
            return details
    return {}


def _message(run: JSON, task: JSON, details: JSON) -> str:
    said = (
        details.get("message"),
        (task.get("state") or {}).get("state_message"),
        (run.get("state") or {}).get("state_message"),
    )
    return next((str(text) for text in said if text), "")


def _time(milliseconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None
