"""Real signals to real workers: a cancelled run ends its driver, an evicted worker leaves it to its successor."""

from __future__ import annotations

import signal
import time

import dagster as dg
import pytest

from engineshed.model.attempt import Outcome

from .project import Project, Worker, alive, configure, wait_for

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def _running(project: Project, asset: str = "numbers", partition: str | None = "a") -> tuple[Worker, int]:
    """A worker whose driver waits at its gate, and the driver's process id."""
    worker = project.launch(asset, partition=partition)
    worker.is_past("line 5")
    return worker, int(project.marks[0]["pid"])


@pytest.mark.parametrize("number", SIGNALS, ids=lambda s: s.name)
def test_a_users_cancel_ends_the_driver_and_yields_nothing(project: Project, number: signal.Signals) -> None:
    worker, driver = _running(project)
    project.instance.report_run_canceling(worker.run)
    worker.signal(number)
    wait_for(lambda: not alive(driver), "the driver's end", 20)
    run = worker.ended()
    assert run.status is dg.DagsterRunStatus.CANCELED, project.said(run)
    _nothing_came_of_it(project, run, "numbers")


def test_a_cancel_is_seen_without_any_signal(project: Project) -> None:
    worker, driver = _running(project)
    project.instance.report_run_canceling(worker.run)
    wait_for(lambda: not alive(driver), "the driver's end", 20)
    run = worker.ended()
    _nothing_came_of_it(project, run, "numbers")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_signal_in_the_middle_of_a_cancel_leaves_nothing_running(project: Project, when: str) -> None:
    worker = project.launch("numbers", partition="a", DIE_AT=f"{when}:cancel:1:SIGTERM")
    worker.is_past("line 5")
    driver = project.marks[0]["pid"]
    project.instance.report_run_canceling(worker.run)
    wait_for(lambda: not alive(driver), "the driver's end", 20)
    run = worker.ended()
    assert run.status is dg.DagsterRunStatus.CANCELED, project.said(run)
    _nothing_came_of_it(project, run, "numbers")


def test_a_cancel_does_not_call_a_step_with_retries_again(project: Project) -> None:
    worker, driver = _running(project, "retried", None)
    project.instance.report_run_canceling(worker.run)
    worker.signal(signal.SIGTERM)
    wait_for(lambda: not alive(driver), "the driver's end", 20)
    run = worker.ended()
    assert run.status is dg.DagsterRunStatus.CANCELED, project.said(run)
    assert not project.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    _nothing_came_of_it(project, run, "retried")


@pytest.mark.parametrize("number", SIGNALS, ids=lambda s: s.name)
def test_an_evicted_worker_leaves_the_driver_to_its_successor(project: Project, number: signal.Signals) -> None:
    configure(project.folder, run_retries={"enabled": True, "max_retries": 1})
    worker, driver = _running(project)
    worker.signal(number)
    parent = worker.ended()
    assert parent.status is dg.DagsterRunStatus.FAILURE
    assert "is being evicted" in project.said(parent)
    assert alive(driver)
    successor = project.reexecute(parent, tags={"dagster/retry_number": "1"})
    project.open_gate()
    child = successor.ended()
    assert child.status is dg.DagsterRunStatus.SUCCESS, project.said(child)
    (materialisation,) = project.materialisations("numbers")
    assert materialisation.metadata["engineshed/adopted"].value is True
    assert len(project.marks) == len(project.commits("numbers", "a")) == 1


def test_a_worker_that_nobody_succeeds_takes_its_driver_along(project: Project) -> None:
    worker, driver = _running(project)
    worker.signal(signal.SIGTERM)
    run = worker.ended()
    assert run.status is dg.DagsterRunStatus.FAILURE
    wait_for(lambda: not alive(driver), "the driver's end", 20)
    _nothing_came_of_it(project, run, "numbers")


def test_the_last_retry_takes_its_driver_along(project: Project) -> None:
    configure(project.folder, run_retries={"enabled": True, "max_retries": 1})
    worker = project.launch("numbers", partition="a", tags={"dagster/retry_number": "1"})
    worker.is_past("line 5")
    driver = int(project.marks[0]["pid"])
    worker.signal(signal.SIGTERM)
    worker.ended()
    wait_for(lambda: not alive(driver), "the driver's end", 20)


def _nothing_came_of_it(project: Project, run: dg.DagsterRun, asset: str) -> None:
    assert len(project.marks) == 1
    assert not project.materialisations(asset)
    assert not project.commits(asset, "a" if asset == "numbers" else None)
    (attempt,) = project.ledger.attempts_of_run(run.run_id)
    assert attempt.settlement is not None
    assert attempt.settlement.outcome is Outcome.CANCELLED
    project.open_gate()
    time.sleep(0.3)
    assert not project.materialisations(asset)
