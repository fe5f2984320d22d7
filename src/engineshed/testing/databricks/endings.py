"""How a task can end, in the vendor's words: `TerminationCodeCode`, `TerminationTypeType`, and the older state and
result.

Which type goes with which code is read off the descriptions of the Jobs API 2.2; the texts follow those that runs are
seen to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_REASON: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """life_cycle, result: of `Run.state`. code, kind: of `Run.status.termination_details`. error, trace: of the output.

    reason: why its cluster ended, where that is what ended the task.
    """

    life_cycle: str = "TERMINATED"
    result: str = "SUCCESS"
    code: str = "SUCCESS"
    kind: str = "SUCCESS"
    message: str = ""
    error: str = ""
    trace: str = ""
    reason: Mapping[str, Any] = field(default_factory=lambda: NO_REASON)

    @property
    def good(self) -> bool:
        """Whether the task did its work."""
        return self.result == "SUCCESS"


SUCCESS = Ending()
CANCELED = Ending(result="CANCELED", code="USER_CANCELED", kind="CLIENT_ERROR", message="Run cancelled.")
TIMED_OUT = Ending(
    result="TIMEDOUT", code="CANCELED", kind="CLIENT_ERROR", message="Run was canceled because it exceeded its timeout."
)
UPSTREAM_FAILED = Ending(
    life_cycle="SKIPPED",
    result="UPSTREAM_FAILED",
    code="SKIPPED",
    kind="CLIENT_ERROR",
    message="An upstream task failed.",
)
UPSTREAM_CANCELED = Ending(
    life_cycle="SKIPPED",
    result="UPSTREAM_CANCELED",
    code="SKIPPED",
    kind="CLIENT_ERROR",
    message="An upstream task was canceled.",
)

_TYPES = {
    "CLIENT_ERROR": (
        "BUDGET_POLICY_LIMIT_EXCEEDED",
        "CANCELED",
        "CLUSTER_REQUEST_LIMIT_EXCEEDED",
        "CLUSTER_TERMINATED_BY_USER",
        "DISABLED",
        "FEATURE_DISABLED",
        "INVALID_CLUSTER_REQUEST",
        "INVALID_RUN_CONFIGURATION",
        "LIBRARY_INSTALLATION_ERROR",
        "MAX_CONCURRENT_RUNS_EXCEEDED",
        "MAX_JOB_QUEUE_SIZE_EXCEEDED",
        "MAX_SPARK_CONTEXTS_EXCEEDED",
        "REPOSITORY_CHECKOUT_FAILED",
        "RESOURCE_NOT_FOUND",
        "RUN_EXECUTION_ERROR",
        "SKIPPED",
        "STORAGE_ACCESS_ERROR",
        "SUCCESS_WITH_FAILURES",
        "UNAUTHORIZED_ERROR",
        "USER_CANCELED",
        "WORKSPACE_RUN_LIMIT_EXCEEDED",
    ),
    "CLOUD_FAILURE": ("CLOUD_FAILURE",),
    "INTERNAL_ERROR": ("BREAKING_CHANGE", "CLUSTER_ERROR", "DRIVER_ERROR", "INTERNAL_ERROR"),
    "SUCCESS": ("SUCCESS",),
}
_TYPE_OF = {code: kind for kind, codes in _TYPES.items() for code in codes}


def failed(code: str, message: str) -> Ending:
    """A task that the platform ended with one of its codes, before or beside the script."""
    return Ending(
        life_cycle="INTERNAL_ERROR",
        result="FAILED",
        code=code,
        kind=_TYPE_OF.get(code, "INTERNAL_ERROR"),
        message=message,
    )


def raised(error: str, trace: str) -> Ending:
    """The script ended with an exception."""
    return Ending(
        result="FAILED",
        code="RUN_EXECUTION_ERROR",
        kind="CLIENT_ERROR",
        message="Workload failed, see run output for details",
        error=error,
        trace=trace,
    )


def cluster_ended(cluster_id: str, reason: Mapping[str, Any], *, of_a_person: bool = False) -> Ending:
    """The cluster went away below the task. of_a_person: it was not the run's own."""
    code, kind = reason["code"], reason["type"]
    message = f"Cluster '{cluster_id}' was terminated. Reason: {code} ({kind})."
    if reason.get("parameters"):
        message += " Parameters: " + ", ".join(f"{k}:{v}" for k, v in reason["parameters"].items()) + "."
    by_hand = "CLUSTER_TERMINATED_BY_USER" if of_a_person else "CLUSTER_ERROR"
    ends_as = {"CLOUD_FAILURE": "CLOUD_FAILURE", "SUCCESS": by_hand}.get(kind, "CLUSTER_ERROR")
    return Ending(
        life_cycle="INTERNAL_ERROR",
        result="FAILED",
        code=ends_as,
        kind="CLIENT_ERROR" if kind in ("CLIENT_ERROR", "SUCCESS") else kind.replace("SERVICE_FAULT", "INTERNAL_ERROR"),
        message=message,
        reason=reason,
    )


NO_CAPACITY = {
    "code": "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE",
    "type": "CLOUD_FAILURE",
    "parameters": {
        "aws_api_error_code": "InsufficientInstanceCapacity",
        "aws_error_message": "We currently do not have sufficient capacity in the Availability Zone you requested",
    },
}
SPOT_TOOK_DRIVER = {"code": "SPOT_INSTANCE_TERMINATION", "type": "CLOUD_FAILURE", "parameters": {}}
NO_MACHINE = {"code": "INSTANCE_UNREACHABLE", "type": "CLOUD_FAILURE", "parameters": {}}
POOL_FULL = {"code": "INSTANCE_POOL_MAX_CAPACITY_REACHED", "type": "CLIENT_ERROR", "parameters": {}}
INIT_SCRIPT_FAILED = {"code": "INIT_SCRIPT_FAILURE", "type": "CLIENT_ERROR", "parameters": {}}
ENDED_BY_PERSON = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": "double@example.com"}}
JOB_DONE = {"code": "JOB_FINISHED", "type": "SUCCESS", "parameters": {}}
