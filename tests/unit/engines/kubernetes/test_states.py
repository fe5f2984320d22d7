"""Each line of the table of states: what Kubernetes says, what engineshed makes of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from engineshed.engines.kubernetes.operator import read_application
from engineshed.engines.kubernetes.states import read_job
from engineshed.model.errors import StateUnknown
from engineshed.model.failure import FailureClass
from engineshed.model.status import State

Make = Callable[..., dict[str, Any]]

PATIENCE_S = 300.0
FAILED = {"type": "Failed", "reason": "PodFailurePolicy", "message": ""}
STARTED, FINISHED = "2026-05-01T11:51:00Z", "2026-05-01T11:58:00Z"


def terminated(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": STARTED, "finishedAt": FINISHED}}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": "no such image"}}


def test_a_complete_job_has_the_times_of_its_container(job: Make, pod: Make, now: datetime) -> None:
    run, driver = job({"type": "Complete"}), pod("Succeeded", state=terminated(0, "Completed"))
    status = read_job(run, [driver], now=now, patience_s=PATIENCE_S).status
    assert status.state is State.SUCCEEDED
    assert (status.started_at, status.ended_at) == (datetime.fromisoformat(STARTED), datetime.fromisoformat(FINISHED))


@pytest.mark.parametrize(
    ("phase", "state", "expected"),
    [
        ("Running", {"running": {"startedAt": STARTED}}, State.RUNNING),
        ("Unknown", None, State.RUNNING),
        ("Failed", terminated(1), State.RUNNING),
        ("Pending", waiting("ContainerCreating"), State.STARTING),
    ],
)
def test_a_job_that_has_not_ended(
    job: Make, pod: Make, now: datetime, phase: str, state: dict[str, Any] | None, expected: State
) -> None:
    reading = read_job(job(), [pod(phase, state=state)], now=now, patience_s=3600)
    assert (reading.status.state, reading.stuck) == (expected, None)


def test_a_suspended_job_is_queued(job: Make, now: datetime) -> None:
    assert read_job(job(suspend=True), [], now=now, patience_s=1).status.state is State.QUEUED


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ErrImagePull", (FailureClass.CONFIGURATION, "image_pull")),
        ("ImagePullBackOff", (FailureClass.CONFIGURATION, "image_pull")),
        ("RegistryUnavailable", (FailureClass.PLATFORM, "image_pull")),
        ("CreateContainerConfigError", (FailureClass.CONFIGURATION, "container_config")),
        ("CreateContainerError", (FailureClass.PLATFORM, "not_started")),
        ("ContainerCreating", (FailureClass.PLATFORM, "not_started")),
    ],
)
def test_a_driver_that_cannot_start_is_given_up_in_time(
    job: Make, pod: Make, now: datetime, reason: str, expected: tuple[FailureClass, str]
) -> None:
    driver = pod("Pending", state=waiting(reason))
    assert read_job(job(), [driver], now=now, patience_s=3600).stuck is None
    stuck = read_job(job(), [driver], now=now, patience_s=PATIENCE_S).stuck
    assert stuck is not None
    assert (stuck.failure_class, stuck.reason) == expected
    assert reason in stuck.message


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull"])
def test_what_never_heals_is_given_up_at_once(job: Make, pod: Make, now: datetime, reason: str) -> None:
    stuck = read_job(job(), [pod("Pending", state=waiting(reason))], now=now, patience_s=10**6).stuck
    assert stuck is not None
    assert stuck.failure_class is FailureClass.CONFIGURATION


def test_an_unschedulable_driver_is_queued_and_then_given_up(job: Make, pod: Make, now: datetime) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    driver = pod("Pending", conditions=(condition,))
    early = read_job(job(), [driver], now=now, patience_s=3600)
    assert (early.status.state, early.status.native, early.stuck) == (State.QUEUED, "Unschedulable", None)
    stuck = read_job(job(), [driver], now=now, patience_s=PATIENCE_S).stuck
    assert stuck is not None
    assert (stuck.failure_class, stuck.reason) == (FailureClass.CAPACITY, "unschedulable")
    assert "0/3 nodes" in stuck.message


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ('FailedCreate: pods "es-1" is forbidden: exceeded quota: team', (FailureClass.CAPACITY, "quota_exceeded")),
        ("FailedCreate: violates PodSecurity", (FailureClass.CONFIGURATION, "pod_refused")),
    ],
)
def test_a_pod_that_is_never_made(job: Make, now: datetime, event: str, expected: tuple[FailureClass, str]) -> None:
    stuck = read_job(job(), [], now=now, patience_s=PATIENCE_S, refusals=(event,)).stuck
    assert stuck is not None
    assert (stuck.failure_class, stuck.reason) == expected


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ({"state": terminated(137, "OOMKilled")}, (FailureClass.PLATFORM, "out_of_memory")),
        ({"state": terminated(137)}, (FailureClass.PLATFORM, "killed")),
        ({"state": terminated(143)}, (FailureClass.PLATFORM, "terminated")),
        ({"state": terminated(69)}, (FailureClass.PLATFORM, "relay")),
        ({"state": terminated(128, "StartError")}, (FailureClass.CONFIGURATION, "cannot_start")),
        ({"state": terminated(139)}, (FailureClass.USER_CODE, "signal")),
        ({"state": terminated(1)}, (FailureClass.USER_CODE, "exit_code")),
        ({"reason": "Evicted", "message": "low on memory"}, (FailureClass.PLATFORM, "evicted")),
        ({"reason": "DeadlineExceeded"}, (FailureClass.USER_CODE, "timeout")),
        ({"reason": "OutOfcpu"}, (FailureClass.CAPACITY, "node_refused")),
    ],
)
def test_a_failed_job_says_what_its_pod_says(
    job: Make, pod: Make, now: datetime, driver: dict[str, Any], expected: tuple[FailureClass, str]
) -> None:
    status = read_job(job(FAILED), [pod("Failed", **driver)], now=now, patience_s=PATIENCE_S).status
    assert status.failure is not None
    assert (status.state, status.failure.failure_class, status.failure.reason) == (State.FAILED, *expected)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("PreemptionByScheduler", (FailureClass.CAPACITY, "preempted")),
        ("DeletionByTaintManager", (FailureClass.SPOT_LOSS, "node_lost")),
        ("DeletionByPodGC", (FailureClass.SPOT_LOSS, "node_lost")),
        ("EvictionByEvictionAPI", (FailureClass.PLATFORM, "evicted")),
        ("TerminationByKubelet", (FailureClass.PLATFORM, "evicted")),
    ],
)
def test_a_disruption_is_told_before_the_exit_code(
    job: Make, pod: Make, now: datetime, reason: str, expected: tuple[FailureClass, str]
) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    driver = pod("Failed", conditions=(condition,), state=terminated(143))
    failure = read_job(job(FAILED), [driver], now=now, patience_s=PATIENCE_S).status.failure
    assert failure is not None
    assert (failure.failure_class, failure.reason) == expected
    assert failure.failure_class.tries_next_offer


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"message": "Container driver for pod t/es-1-a failed with exit code 143 matching"}, "terminated"),
        ({"message": "Pod t/es-1-a has condition DisruptionTarget matching FailJob rule"}, "evicted"),
        ({"reason": "BackoffLimitExceeded", "message": "Job has reached the backoff limit"}, "pod_lost"),
    ],
)
def test_a_job_without_a_pod_says_what_its_condition_says(
    job: Make, now: datetime, condition: dict[str, str], expected: str
) -> None:
    failure = read_job(job({**FAILED, **condition}), [], now=now, patience_s=PATIENCE_S).status.failure
    assert failure is not None
    assert (failure.failure_class, failure.reason) == (FailureClass.PLATFORM, expected)


def test_a_job_over_its_deadline_is_a_timeout(job: Make, now: datetime) -> None:
    failure = read_job(job({"type": "Failed", "reason": "DeadlineExceeded"}), [], now=now, patience_s=1).status.failure
    assert failure is not None
    assert (failure.failure_class, failure.reason) == (FailureClass.USER_CODE, "timeout")


def test_a_cancelled_job_is_cancelled_once_it_has_ended(job: Make, pod: Make, now: datetime) -> None:
    note = {"cancelled_at": "2026-05-01T11:55:00+00:00"}
    ending = read_job(job(**note), [pod()], now=now, patience_s=1)
    assert (ending.status.state, ending.stuck) == (State.RUNNING, None)
    ended = job({"type": "Failed", "reason": "DeadlineExceeded"}, **note)
    assert read_job(ended, [], now=now, patience_s=1).status.state is State.CANCELLED
    done = job({"type": "Complete"}, **note)
    assert read_job(done, [], now=now, patience_s=1).status.state is State.SUCCEEDED


def test_a_run_that_was_given_up_fails_for_that_reason(job: Make, now: datetime) -> None:
    note = '{"class": "capacity", "reason": "unschedulable", "message": "no node"}'
    ended = job({"type": "Failed", "reason": "DeadlineExceeded"}, given_up=note)
    failure = read_job(ended, [], now=now, patience_s=1).status.failure
    assert failure is not None
    assert (failure.failure_class, failure.reason, failure.message) == (
        FailureClass.CAPACITY,
        "unschedulable",
        "no node",
    )


def test_a_reason_that_the_table_does_not_hold_is_not_guessed(job: Make, now: datetime) -> None:
    with pytest.raises(StateUnknown, match="Whim"):
        read_job(job({"type": "Failed", "reason": "Whim"}), [], now=now, patience_s=1)


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ("", State.QUEUED),
        ("SUBMITTED", State.STARTING),
        ("RUNNING", State.RUNNING),
        ("SUCCEEDING", State.RUNNING),
        ("COMPLETED", State.SUCCEEDED),
        ("FAILED", State.FAILED),
    ],
)
def test_an_application_in_the_words_of_the_operator(job: Make, now: datetime, native: str, expected: State) -> None:
    run = {**job(), "status": {"applicationState": {"state": native, "errorMessage": "it broke"}}}
    status = read_application(run, [], now=now).status
    assert status.state is expected
    assert (status.failure is not None) == (expected is State.FAILED)


def test_an_application_that_was_suspended_by_a_cancel(job: Make, now: datetime) -> None:
    suspended = {"applicationState": {"state": "SUSPENDED"}}
    assert read_application({**job(), "status": suspended}, [], now=now).status.state is State.QUEUED
    run = {**job(cancelled_at="2026-05-01T11:55:00+00:00"), "status": suspended}
    assert read_application(run, [], now=now).status.state is State.CANCELLED


def test_an_application_state_that_the_table_does_not_hold(job: Make, now: datetime) -> None:
    with pytest.raises(StateUnknown, match="DREAMING"):
        read_application({**job(), "status": {"applicationState": {"state": "DREAMING"}}}, [], now=now)
