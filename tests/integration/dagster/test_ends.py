"""The ways a job can end that are no success, and a stock script that ends well."""

from __future__ import annotations

import dagster as dg
import pytest

from .project import Project, alive, wait_for

FAILED = dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    ("asset", "reason", "said"),
    [
        ("slow", "timeout", "(user_code, timeout)"),
        ("raises", "driver_exception", "no such crawl"),
        ("raises_and_exits_zero", "driver_exception", "no such crawl"),
        ("killed", "killed", "killed from outside"),
        ("silent", "never_opened", "never opened Pipes"),
        ("forgets_a_table", "", "no file of table letters"),
    ],
)
def test_a_bad_end_publishes_nothing_and_says_why(project: Project, asset: str, reason: str, said: str) -> None:
    run = project.run(asset)
    assert run.status is FAILED
    text = project.said(run)
    assert said in text
    assert reason in text
    assert not project.materialisations(asset)
    assert not project.commits(asset)
    # What ended a driver from outside need not end the next.
    assert len(project.marks) == {"silent": 0, "killed": 2}.get(asset, 1)
    assert not project.ledger.live_attempts()
    for mark in project.marks:
        wait_for(lambda pid=mark["pid"]: not alive(pid), "the driver's end")


def test_a_failed_blocking_check_is_shown_and_nothing_is_published(project: Project) -> None:
    run = project.run("too_few")
    assert run.status is FAILED
    (check,) = project.checks(run)
    assert (check.check_name, check.passed, check.blocking) == ("numbers_has_rows", False, True)
    assert check.metadata["rows"].value == 3
    assert not project.materialisations("too_few")
    assert not project.commits("too_few")


def test_a_stock_script_works_unchanged(project: Project) -> None:
    run = project.run("stock")
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    (materialisation,) = project.materialisations("stock")
    assert materialisation.metadata["rows"].value == 41
    assert materialisation.metadata["note"].value == "as ever"
    assert materialisation.tags is not None
    assert materialisation.tags["dagster/data_version"] == "v7"
    (check,) = project.checks(run)
    assert (check.check_name, check.passed, check.severity) == ("rows_are_odd", True, dg.AssetCheckSeverity.WARN)
    assert f"stock stock {run.run_id}" in project.messages(run)
    assert "'never_declared', which the asset does not declare" in project.said(run)


def test_a_declared_check_that_the_script_never_reports_is_shown_as_failed(project: Project) -> None:
    run = project.run("says_too_little")
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    (check,) = project.checks(run)
    assert (check.check_name, check.passed) == ("rows_are_odd", False)
    assert check.description == "the script did not report it"


def test_a_partitioned_asset_is_not_made_without_a_partition(project: Project) -> None:
    run = project.run("numbers")
    assert run.status is FAILED
    assert "names none: launch it for a partition" in project.said(run)
    assert not project.marks
