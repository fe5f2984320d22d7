"""Which attempts are orphans, by the runs of a real Dagster instance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
import pytest

from engineshed.model.attempt import Attempt
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, LaunchKey
from engineshed.running.orphans import DagsterRuns

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@dg.job
def nothing() -> None:
    """A job to have runs of."""


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as instance:
        yield instance


def _attempt(root: str, run: str) -> Attempt:
    key = LaunchKey(root, "edges")
    return Attempt(
        intent=Intent(
            token=key.token(1), key=key, ordinal=1, run_id=run, asset="edges", job="edges", team="web",
            code_location="web_graph", mode=Mode.FULL, engine="sail", offer="one", channel="files", address="",
            reserved_usd=Decimal(0), created_at=CREATED,
        )
    )  # fmt: skip


def _run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> str:
    named = {key.replace("__", "/"): value for key, value in tags.items()}
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.NOT_STARTED, tags=named)
    kinds = {
        dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.RUN_CANCELED,
        dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterRunStatus.STARTED: dg.DagsterEventType.RUN_START,
        dg.DagsterRunStatus.CANCELING: dg.DagsterEventType.RUN_CANCELING,
    }
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=kinds[status].value, job_name="nothing"), run_id=run.run_id
    )
    return run.run_id


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
def test_a_run_that_lives_has_no_orphans(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run = _run(instance, status)
    assert DagsterRuns(instance).orphaned(_attempt(run, run)) is None


def test_a_cancelled_run_leaves_an_orphan_since_its_end(instance: dg.DagsterInstance) -> None:
    run = _run(instance, dg.DagsterRunStatus.CANCELED)
    orphaned = DagsterRuns(instance).orphaned(_attempt(run, run))
    assert orphaned is not None
    assert "CANCELED" in orphaned.why
    assert abs((datetime.now(UTC) - orphaned.since).total_seconds()) < 60


def test_a_failed_run_that_will_be_retried_waits_for_its_child(instance: dg.DagsterInstance) -> None:
    run = _run(instance, dg.DagsterRunStatus.FAILURE, dagster__will_retry="true")
    assert DagsterRuns(instance).orphaned(_attempt(run, run)) is None


def test_the_child_decides_once_it_is_there(instance: dg.DagsterInstance) -> None:
    root = _run(instance, dg.DagsterRunStatus.FAILURE, dagster__will_retry="true")
    child = _run(instance, dg.DagsterRunStatus.STARTED, dagster__root_run_id=root)
    instance.add_run_tags(root, {"dagster/auto_retry_run_id": child})
    assert DagsterRuns(instance).orphaned(_attempt(root, root)) is None
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_FAILURE.value, job_name="nothing"), run_id=child
    )
    assert DagsterRuns(instance).orphaned(_attempt(root, root)) is not None


def test_a_deleted_run_leaves_an_orphan_since_the_attempt_began(instance: dg.DagsterInstance) -> None:
    orphaned = DagsterRuns(instance).orphaned(_attempt("gone", "gone"))
    assert orphaned is not None
    assert orphaned.since == CREATED


def test_a_run_that_lives_is_cancelled_as_by_a_person(instance: dg.DagsterInstance) -> None:
    run = _run(instance, dg.DagsterRunStatus.STARTED)
    DagsterRuns(instance).cancel(_attempt(run, run))
    found = instance.get_run_by_id(run)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.CANCELING


def test_a_run_that_is_over_is_left_as_it_is(instance: dg.DagsterInstance) -> None:
    run = _run(instance, dg.DagsterRunStatus.CANCELED)
    DagsterRuns(instance).cancel(_attempt(run, run))
    found = instance.get_run_by_id(run)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.CANCELED
