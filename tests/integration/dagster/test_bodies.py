"""Two workers of one run alive at once, as when a platform loses sight of the first: one submission, one result."""

from __future__ import annotations

import signal

import dagster as dg

from .project import Project, Worker, state_of, wait_for

WAITS = "Another worker holds this step's lease"


def test_the_second_worker_waits_and_adds_nothing(project: Project) -> None:
    first = project.launch("numbers", partition="a")
    first.is_past("line 5")
    second = project.resume(first.run)
    second.is_past(f"{WAITS}: waiting until it settles or its lease runs out.")
    project.open_gate()
    first.gone()
    second.gone()
    run = first.run
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    _one_result(project, run)


def test_the_second_worker_takes_over_when_the_first_dies(project: Project) -> None:
    first = project.launch("numbers", partition="a")
    first.is_past("line 5")
    second = project.resume(first.run)
    second.is_past(f"{WAITS}: waiting until it settles or its lease runs out.")
    first.signal(signal.SIGKILL)
    project.open_gate()
    run = second.ended()
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    _one_result(project, run)


def test_a_frozen_worker_that_wakes_up_too_late_adds_nothing(project: Project) -> None:
    first = _frozen(project)
    second = project.resume(first.run)
    project.open_gate()
    second.gone()
    first.signal(signal.SIGCONT)
    first.gone()
    run = second.run
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    _one_result(project, run)


def _frozen(project: Project) -> Worker:
    """A worker that stands still where it holds no lock of a database, its driver waiting at the gate."""
    worker = project.launch("numbers", partition="a", DIE_AT="after:save_cursor:1:SIGSTOP")
    wait_for(lambda: state_of(worker.pid) == "T", "the worker's standstill")
    return worker


def _one_result(project: Project, run: dg.DagsterRun) -> None:
    assert len(project.marks) == 1
    assert len(project.commits("numbers", "a")) == 1
    (attempt,) = project.ledger.attempts_of_run(run.run_id)
    assert attempt.settlement is not None
    # Dagster has no way for a second body to end well without an event of its own: what it says must be the same.
    assert len({m.metadata["commit/digest"].value for m in project.materialisations("numbers")}) == 1


def test_a_frozen_worker_told_to_end_leaves_its_successors_driver_alone(project: Project) -> None:
    first = _frozen(project)
    parent = first.run
    project.instance.report_run_failed(parent)
    successor = project.reexecute(parent)
    wait_for(lambda: "Adopted sail run" in project.said(successor.run), "the adoption")
    first.signal(signal.SIGTERM)
    first.signal(signal.SIGCONT)
    first.gone()
    project.open_gate()
    child = successor.ended()
    assert child.status is dg.DagsterRunStatus.SUCCESS, project.said(parent, child)
    assert len(project.marks) == len(project.commits("numbers", "a")) == len(project.materialisations("numbers")) == 1
