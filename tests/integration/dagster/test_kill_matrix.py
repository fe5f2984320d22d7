"""SIGKILL of the real run worker, four faults on every engine, while prices and plan change before the retry.

Each cell is killed once; KILLS_PER_CELL=3 in the environment kills each three times.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import dagster as dg
import pytest

from .places import Place, place
from .project import Project, wait_for

ENGINES = ["local", "sail", pytest.param("emr", marks=pytest.mark.needs_java), "databricks"]
FAULTS = {
    "before the submit": "before:submit:1",
    "after the submit, before its reply is recorded": "before:record_launch:1",
    "in the middle of the run": "after:save_cursor:1",
    "after success, before the materialisation": "after:settle:1",
}
KILLS = range(1, 1 + int(os.environ.get("KILLS_PER_CELL", "1")))


@pytest.fixture(scope="module", params=ENGINES)
def where(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_submission_over_all_engines_and_one_materialisation(
    project: Project, where: Place, fault: str, kill: int
) -> None:
    before = where.submitted() if where.submitted else 0
    where.settle_in(project, pinned=where.engine)
    if fault != "in the middle of the run":
        project.open_gate()
    first = project.launch("free", DIE_AT=FAULTS[fault])
    parent = first.ended()
    assert parent.status is dg.DagsterRunStatus.STARTED, f"the worker was not killed: {first.log}"
    assert not project.materialisations("free")

    other = "local" if where.engine == "sail" else "sail"
    where.settle_in(project, pinned=other, dearer=1000)
    project.open_gate()
    child = project.retry(parent).ended()

    assert child.status is dg.DagsterRunStatus.SUCCESS, project.said(child)
    (attempt,) = project.ledger.attempts_of_run(parent.run_id)
    assert attempt.intent.engine == where.engine, "the plan that was under way is kept"
    assert [mark["token"] for mark in project.marks] == [attempt.intent.token], "one driver over all engines"
    assert where.submitted is None or where.submitted() - before == 1
    assert [commit.token for commit in project.commits("free")] == [attempt.intent.token]
    (materialisation,) = project.materialisations("free")
    assert materialisation.metadata["engineshed/token"].value == attempt.intent.token
    assert project.ledger.live_attempts() == []
    wait_for(lambda: not where.left(attempt.intent.token), "the end of everything that was started")
