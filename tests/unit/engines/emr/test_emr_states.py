"""Every state, reason and failure of EMR in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import get_session

from engineshed.engines.emr import states
from engineshed.model.errors import StateUnknown
from engineshed.model.failure import FailureClass
from engineshed.model.status import State

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def step(state: str, **details: str) -> dict[str, Any]:
    return {"Id": "s-1", "Status": {"State": state, "FailureDetails": details, "Timeline": {}}}


def cluster(state: str, code: str = "", message: str = "") -> dict[str, Any]:
    reason = {"Code": code, "Message": message} if code else {}
    return {"Id": "j-1", "Status": {"State": state, "StateChangeReason": reason, "Timeline": {}}}


def test_the_tables_hold_every_word_of_the_api() -> None:
    shapes = get_session().get_service_model("emr")
    assert set(shapes.shape_for("ClusterState").enum) == states.CLUSTER_STATES
    assert set(shapes.shape_for("StepState").enum) == states.STEP_STATES
    assert set(shapes.shape_for("ClusterStateChangeReasonCode").enum) == set(states.REASONS)


@pytest.mark.parametrize(
    ("step_state", "cluster_state", "expected"),
    [
        ("PENDING", "STARTING", State.QUEUED),
        ("PENDING", "BOOTSTRAPPING", State.STARTING),
        ("PENDING", "WAITING", State.STARTING),
        ("RUNNING", "RUNNING", State.RUNNING),
        ("CANCEL_PENDING", "RUNNING", State.RUNNING),
        ("COMPLETED", "TERMINATED_WITH_ERRORS", State.SUCCEEDED),
        ("CANCELLED", "WAITING", State.CANCELLED),
        ("FAILED", "WAITING", State.FAILED),
        ("INTERRUPTED", "TERMINATED", State.FAILED),
    ],
)
def test_the_steps_word_decides(step_state: str, cluster_state: str, expected: State) -> None:
    assert states.read(step(step_state), cluster(cluster_state), now=NOW).state is expected


@pytest.mark.parametrize(
    ("code", "message", "failure_class", "reason"),
    [
        ("INSTANCE_FLEET_TIMEOUT", "", FailureClass.CAPACITY, "no_capacity"),
        ("INSTANCE_FAILURE", "spot interruption of the core fleet", FailureClass.SPOT_LOSS, "spot_lost"),
        ("INSTANCE_FAILURE", "", FailureClass.CAPACITY, "instance_failure"),
        ("BOOTSTRAP_FAILURE", "", FailureClass.CONFIGURATION, "bootstrap_failed"),
        ("VALIDATION_ERROR", "You have exceeded the vCPU limit", FailureClass.CAPACITY, "quota"),
        ("VALIDATION_ERROR", "not authorized to perform iam:PassRole", FailureClass.AUTHORISATION, "denied"),
        ("VALIDATION_ERROR", "subnet does not exist", FailureClass.CONFIGURATION, "refused"),
        ("INTERNAL_ERROR", "", FailureClass.PLATFORM, "internal_error"),
    ],
)
def test_a_cluster_that_ends_of_itself_says_why(
    code: str, message: str, failure_class: FailureClass, reason: str
) -> None:
    for word in ("PENDING", "CANCELLED", "FAILED"):
        found = states.read(step(word), cluster("TERMINATED_WITH_ERRORS", code, message), now=NOW)
        assert found.failure is not None
        assert (found.failure.failure_class, found.failure.reason) == (failure_class, reason)


def test_a_cluster_that_somebody_ends_is_a_cancelled_run() -> None:
    assert states.read(step("RUNNING"), cluster("TERMINATED", "USER_REQUEST"), now=NOW).state is State.CANCELLED


@pytest.mark.parametrize(
    ("details", "tail", "failure_class", "reason"),
    [
        ({"Message": "exited with code 137"}, "", FailureClass.PLATFORM, "out_of_memory"),
        ({}, "java.lang.OutOfMemoryError: Java heap space", FailureClass.PLATFORM, "out_of_memory"),
        ({}, "engineshed_relay: the time limit of 5 s was over: ending the script.", FailureClass.USER_CODE, "timeout"),
        ({"Reason": "Unknown Error."}, "ValueError", FailureClass.USER_CODE, "step_failed"),
    ],
)
def test_a_failed_step_is_told_by_its_details_and_its_log(
    details: dict[str, str], tail: str, failure_class: FailureClass, reason: str
) -> None:
    found = states.read(step("FAILED", **details), cluster("TERMINATING", "STEP_FAILURE"), now=NOW, log_tail=tail)
    assert found.failure is not None
    assert (found.failure.failure_class, found.failure.reason) == (failure_class, reason)


@pytest.mark.parametrize(
    ("of_step", "of_cluster"),
    [
        (step("DREAMING"), cluster("RUNNING")),
        (step("RUNNING"), cluster("DREAMING")),
        (step("FAILED"), cluster("TERMINATED", "BOREDOM")),
    ],
)
def test_an_unknown_word_is_not_guessed(of_step: dict[str, Any], of_cluster: dict[str, Any]) -> None:
    with pytest.raises(StateUnknown):
        states.read(of_step, of_cluster, now=NOW)
