"""What a run's answer means: states, results, codes, and what its cluster's end adds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engineshed.engines.databricks.states import read_run
from engineshed.model.errors import StateUnknown
from engineshed.model.failure import FailureClass
from engineshed.model.status import State, Status

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
START_MS = int(datetime(2026, 11, 2, 11, 0, tzinfo=UTC).timestamp() * 1000)


def run(state: str = "RUNNING", **details: str) -> dict[str, Any]:
    """As `runs/get` of the Jobs API 2.2 tells it."""
    ended = {"code": details.pop("code", ""), "message": details.pop("message", "")}
    result = details.pop("result", "")
    status = {"state": state, **({"termination_details": ended} if ended["code"] else {})}
    old = {"life_cycle_state": state, **({"result_state": result} if result else {})}
    told = {"status": status, "state": old, "start_time": START_MS}
    return {"run_id": 7, "tasks": [{"task_key": "spark", "attempt_number": 0, **told}], **told}


def ended(code: str, *, result: str = "FAILED", message: str = "", cluster: dict[str, Any] | None = None) -> Status:
    plain = run("TERMINATED", code=code, result=result, message=message)
    return read_run(plain | {"end_time": START_MS + 60_000}, now=NOW, cluster=cluster)


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("QUEUED", State.QUEUED),
        ("BLOCKED", State.QUEUED),
        ("PENDING", State.STARTING),
        ("WAITING", State.STARTING),
        ("RUNNING", State.RUNNING),
        ("TERMINATING", State.RUNNING),
    ],
)
def test_a_run_that_lives(native: str, state: State) -> None:
    status = read_run(run(native), now=NOW)
    assert (status.state, status.native, status.ended_at) == (state, native, None)


def test_a_good_end() -> None:
    status = ended("SUCCESS", result="SUCCESS")
    assert status.state is State.SUCCEEDED
    assert status.started_at == datetime(2026, 11, 2, 11, 0, tzinfo=UTC)
    assert status.ended_at == datetime(2026, 11, 2, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "failure_class"),
    [
        ("RUN_EXECUTION_ERROR", FailureClass.USER_CODE),
        ("SUCCESS_WITH_FAILURES", FailureClass.USER_CODE),
        ("CLUSTER_ERROR", FailureClass.PLATFORM),
        ("DRIVER_ERROR", FailureClass.PLATFORM),
        ("CLUSTER_TERMINATED_BY_USER", FailureClass.PLATFORM),
        ("WORKSPACE_RUN_LIMIT_EXCEEDED", FailureClass.CAPACITY),
        ("CLUSTER_REQUEST_LIMIT_EXCEEDED", FailureClass.CAPACITY),
        ("UNAUTHORIZED_ERROR", FailureClass.AUTHORISATION),
        ("STORAGE_ACCESS_ERROR", FailureClass.AUTHORISATION),
        ("INVALID_CLUSTER_REQUEST", FailureClass.CONFIGURATION),
        ("LIBRARY_INSTALLATION_ERROR", FailureClass.CONFIGURATION),
        ("BUDGET_POLICY_LIMIT_EXCEEDED", FailureClass.BUDGET),
    ],
)
def test_a_bad_end_by_its_code(code: str, failure_class: FailureClass) -> None:
    status = ended(code, message="what the platform says")
    assert status.state is State.FAILED
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (failure_class, code.lower())
    assert status.failure.message == "what the platform says"


@pytest.mark.parametrize(("code", "result"), [("USER_CANCELED", "CANCELED"), ("USER_CANCELED", ""), ("", "CANCELED")])
def test_a_cancelled_run_is_no_failure_and_no_success(code: str, result: str) -> None:
    status = ended(code, result=result)
    assert (status.state, status.failure) == (State.CANCELLED, None)


@pytest.mark.parametrize(("code", "result"), [("CANCELED", "TIMEDOUT"), ("CANCELED", "CANCELED"), ("", "TIMEDOUT")])
def test_what_the_platform_ends_for_want_of_time_is_a_timeout(code: str, result: str) -> None:
    status = ended(code, result=result)
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (FailureClass.USER_CODE, "timeout")


@pytest.mark.parametrize(
    ("reason", "failure_class"),
    [
        ("SPOT_INSTANCE_TERMINATION", FailureClass.SPOT_LOSS),
        ("AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE", FailureClass.CAPACITY),
        ("INIT_SCRIPT_FAILURE", FailureClass.CONFIGURATION),
        ("SECRET_RESOLUTION_ERROR", FailureClass.CONFIGURATION),
        ("AWS_AUTHORIZATION_FAILURE", FailureClass.AUTHORISATION),
        ("DRIVER_UNREACHABLE", FailureClass.PLATFORM),
    ],
)
def test_why_the_cluster_ended_says_more_than_cluster_error(reason: str, failure_class: FailureClass) -> None:
    cluster = {"termination_reason": {"code": reason, "type": "CLOUD_FAILURE", "parameters": {"instance_id": "i-1"}}}
    failure = ended("CLOUD_FAILURE", cluster=cluster).failure
    assert failure is not None
    assert (failure.failure_class, failure.reason) == (failure_class, reason.lower())
    assert "i-1" in failure.message


def test_a_driver_without_memory_is_told_what_to_raise() -> None:
    cluster = {"termination_reason": {"code": "DRIVER_OUT_OF_MEMORY", "type": "CLIENT_ERROR"}}
    failure = ended("DRIVER_ERROR", cluster=cluster).failure
    assert failure is not None
    assert failure.reason == "out_of_memory"
    assert "driver_memory_gib" in failure.message


def test_a_cluster_that_ended_because_the_run_had_explains_nothing() -> None:
    cluster = {"termination_reason": {"code": "JOB_FINISHED", "type": "SUCCESS"}}
    failure = ended("DRIVER_ERROR", message="The driver died.", cluster=cluster).failure
    assert failure is not None
    assert (failure.reason, failure.message) == ("driver_error", "The driver died.")


def test_users_exceptions_are_not_excused_by_their_cluster() -> None:
    cluster = {"termination_reason": {"code": "SPOT_INSTANCE_TERMINATION", "type": "CLOUD_FAILURE"}}
    failure = ended("RUN_EXECUTION_ERROR", cluster=cluster).failure
    assert failure is not None
    assert failure.failure_class is FailureClass.USER_CODE


def test_the_tasks_own_code_comes_before_the_runs() -> None:
    plain = run("TERMINATED", code="INTERNAL_ERROR", result="FAILED", message="Task spark failed with message: ..")
    plain["tasks"][0]["status"]["termination_details"] = {"code": "LIBRARY_INSTALLATION_ERROR", "message": "no wheel"}
    failure = read_run(plain, now=NOW).failure
    assert failure is not None
    assert (failure.reason, failure.message) == ("library_installation_error", "no wheel")


def test_older_workspaces_tell_life_cycle_and_result_only() -> None:
    old = {"life_cycle_state": "SKIPPED", "result_state": "MAXIMUM_CONCURRENT_RUNS_REACHED", "state_message": "full"}
    failure = read_run({"run_id": 7, "state": old, "start_time": START_MS}, now=NOW).failure
    assert failure is not None
    assert (failure.failure_class, failure.message) == (FailureClass.CAPACITY, "full")


@pytest.mark.parametrize(
    "plain",
    [
        run("HIBERNATING"),
        run("TERMINATED", code="EATEN_BY_BEARS", result="FAILED"),
        run("TERMINATED", code="SUCCESS", result="MAYBE"),
        {"run_id": 7},
    ],
)
def test_a_word_that_no_table_holds_is_never_guessed(plain: dict[str, Any]) -> None:
    with pytest.raises(StateUnknown, match="run 7"):
        read_run(plain, now=NOW)
