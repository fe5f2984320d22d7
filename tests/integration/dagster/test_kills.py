"""A run worker killed at each step of the route: its successor ends with one submission and one result."""

from __future__ import annotations

from collections import Counter

import dagster as dg
import pytest

from .project import DRIVER_LINES, Project

DEATHS = {
    "before the intent": "before:record_intent:1",
    "after the intent, before the submit": "before:submit:1",
    "after the submit, before the launch is recorded": "before:record_launch:1",
    "before it is noted how far messages were handed on": "before:save_cursor:1",
    "in the middle of the run": "after:save_cursor:1",
    "after the driver's end, before the publish": "before:publish:1",
    "between publish and settle": "after:publish:1",
    "after the settle, before the materialisation": "after:settle:1",
}


@pytest.mark.parametrize("successor", ["run retry", "re-execution by hand"])
@pytest.mark.parametrize("death", DEATHS)
def test_one_submission_and_one_result(project: Project, death: str, successor: str) -> None:
    if death != "in the middle of the run":
        project.open_gate()
    first = project.launch("numbers", partition="a", DIE_AT=DEATHS[death])
    parent = first.ended()
    assert parent.status is dg.DagsterRunStatus.STARTED, f"the worker was not killed: {first.log}"
    assert not project.materialisations("numbers")
    project.open_gate()
    child = _succeeded_by(project, parent, successor)

    assert child.status is dg.DagsterRunStatus.SUCCESS, project.said(child)
    assert child.root_run_id == parent.run_id
    assert len(project.marks) == 1
    (attempt,) = project.ledger.attempts_of_run(parent.run_id if death != "before the intent" else child.run_id)
    (commit,) = project.commits("numbers", "a")
    assert commit.token == attempt.intent.token == project.marks[0]["token"]
    (materialisation,) = project.materialisations("numbers")
    assert materialisation.partition == "a"
    assert materialisation.metadata["counts/pages"].value == 12
    assert materialisation.metadata["commit/digest"].value == commit.digest
    assert [check.check_name for check in project.checks(parent, child)] == ["numbers_has_rows"]
    _every_line_arrived(project, parent, child)


def _succeeded_by(project: Project, parent: dg.DagsterRun, successor: str) -> dg.DagsterRun:
    if successor == "run retry":
        return project.retry(parent).ended()
    project.instance.report_run_failed(parent)
    return project.reexecute(parent).ended()


def _every_line_arrived(project: Project, *runs: dg.DagsterRun) -> None:
    """None lost, none twice without a mark."""
    said = Counter(message for message in project.messages(*runs) if message.startswith(("line ", "[repeated?] line ")))
    assert {line.removeprefix("[repeated?] ") for line in said} == set(DRIVER_LINES)
    assert {line for line, times in said.items() if times > 1} == set()


def test_a_deliberate_reexecution_submits_anew(project: Project) -> None:
    first = project.run("numbers", partition="a")
    assert first.status is dg.DagsterRunStatus.SUCCESS, project.said(first)
    second = project.reexecute(first, from_failure=False).ended()
    assert second.status is dg.DagsterRunStatus.SUCCESS, project.said(second)
    assert second.root_run_id == first.run_id
    assert len({mark["token"] for mark in project.marks}) == 2
    before, after = project.commits("numbers", "a")
    assert before.ordinal < after.ordinal
    current = project.datasets.latest("numbers", "a", after.mode)
    assert current == after
    assert after.token == project.marks[1]["token"]
    assert len(project.materialisations("numbers")) == 2
