"""Runs of the double through the real SDK: submit once, watch, cancel, time out, list, repair, forget."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from tests.integration.databricks.clients import CLUSTER, VOLUME, Workspace, open_workspace, task

from engineshed.testing.databricks import DatabricksDouble, Limits, Script, raised
from engineshed.testing.databricks.records import TaskRun

FAILS = Script(lasts_s=60, ends=raised("ValueError: no such crawl", "Traceback ...\nValueError: no such crawl\n"))


def submitted(workspace: Workspace, **more: Any) -> int:
    """By the SDK's own method and dataclasses."""
    made = workspace.client.jobs.submit(tasks=[jobs.SubmitTask.from_dict(task())], **more)
    assert made.run_id is not None
    return int(made.run_id)


def test_a_run_goes_through_the_vendors_states_at_the_vendors_pace(workspace: Workspace) -> None:
    run_id = submitted(workspace, run_name="edges")
    states: list[tuple[str, int]] = []
    for _ in range(900):
        run = workspace.client.jobs.get_run(run_id)
        assert run.status is not None
        assert run.status.state is not None
        assert run.state is not None
        assert run.state.life_cycle_state is not None
        assert run.status.state.value == run.state.life_cycle_state.value
        if not states or states[-1][0] != run.status.state.value:
            states.append((run.status.state.value, int(workspace.double.clock.monotonic_s())))
        workspace.double.clock.sleep(1)
    assert states == [("PENDING", 0), ("RUNNING", 240), ("TERMINATING", 840), ("TERMINATED", 842)]
    run = workspace.client.jobs.get_run(run_id)
    assert run.state is not None
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.termination_details.code is jobs.TerminationCodeCode.SUCCESS
    assert (run.setup_duration, run.execution_duration, run.cleanup_duration) == (240_000, 600_000, 2_000)
    assert (run.run_name, run.run_duration, run.end_time) == ("edges", 842_000, (run.start_time or 0) + 842_000)


def test_a_token_makes_one_run_however_often_it_is_submitted(workspace: Workspace) -> None:
    first = submitted(workspace, idempotency_token="es-1")
    assert submitted(workspace, idempotency_token="es-1") == first
    workspace.final(first)
    assert submitted(workspace, idempotency_token="es-1") == first
    assert submitted(workspace, idempotency_token="es-2") != first
    assert workspace.double.books.runs_of("es-1") == 1
    assert len(workspace.double.books.submissions) == 2


def test_the_token_of_a_deleted_run_is_an_error(workspace: Workspace) -> None:
    run_id = submitted(workspace, idempotency_token="es-1")
    workspace.final(run_id)
    workspace.client.jobs.delete_run(run_id)
    with pytest.raises(ResourceDoesNotExist, match="does not exist"):
        workspace.client.jobs.get_run(run_id)
    with pytest.raises(InvalidParameterValue, match="deleted"):
        submitted(workspace, idempotency_token="es-1")


def test_a_token_has_at_most_64_characters(workspace: Workspace) -> None:
    submitted(workspace, idempotency_token="x" * 64)
    with pytest.raises(InvalidParameterValue, match="64"):
        submitted(workspace, idempotency_token="x" * 65)


def test_a_live_run_cannot_be_deleted(workspace: Workspace) -> None:
    run_id = workspace.submit()
    answer = workspace.call("POST", "/api/2.2/jobs/runs/delete", {"run_id": run_id})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_STATE")


@pytest.mark.parametrize("after_s", [0, 100, 241, 500])
def test_cancel_ends_it_and_gives_the_machines_back(workspace: Workspace, after_s: float) -> None:
    run_id = workspace.submit()
    workspace.double.clock.sleep(after_s)
    workspace.client.jobs.cancel_run(run_id)
    workspace.client.jobs.cancel_run(run_id)
    assert workspace.run(run_id)["status"]["state"] == "TERMINATING"
    workspace.double.clock.sleep(3)
    run = workspace.run(run_id)
    assert run["state"]["life_cycle_state"] == "TERMINATED"
    assert run["state"]["result_state"] == "CANCELED"
    assert run["state"]["user_cancelled_or_timedout"]
    assert run["status"]["termination_details"]["code"] == "USER_CANCELED"
    workspace.double.clock.sleep(30)
    workspace.client.jobs.cancel_run(run_id)
    assert not workspace.double.books.billing_now()


def test_a_run_over_its_time_is_ended(workspace: Workspace) -> None:
    run = workspace.final(workspace.submit(timeout_seconds=300))
    assert (run["state"]["result_state"], run["status"]["termination_details"]["code"]) == ("TIMEDOUT", "CANCELED")
    assert 300_000 <= run["run_duration"] <= 320_000
    task_over = workspace.final(workspace.submit(task(timeout_seconds=300)))
    assert task_over["state"]["result_state"] == "TIMEDOUT"


def test_an_exception_is_in_the_output_and_the_run_says_where_to_look() -> None:
    with DatabricksDouble(scripts=FAILS) as double:
        workspace = open_workspace(double)
        run = workspace.final(workspace.submit())
        assert run["state"]["life_cycle_state"] == "INTERNAL_ERROR"
        assert run["state"]["result_state"] == "FAILED"
        assert run["status"]["termination_details"] == {
            "code": "RUN_EXECUTION_ERROR",
            "type": "CLIENT_ERROR",
            "message": "Task main failed with message: Workload failed, see run output for details.",
        }
        assert run["tasks"][0]["state"]["life_cycle_state"] == "TERMINATED"
        output = workspace.client.jobs.get_run_output(run["tasks"][0]["run_id"])
        assert output.error == "ValueError: no such crawl"
        assert output.error_trace is not None
        assert output.error_trace.startswith("Traceback")
        assert workspace.client.jobs.get_run_output(run["run_id"]).error == output.error


def test_tasks_wait_for_those_they_depend_on() -> None:
    def scripts(task: TaskRun) -> Script:
        return FAILS if task.key == "bad" else Script(lasts_s=60)

    with DatabricksDouble(scripts=scripts) as double:
        workspace = open_workspace(double)
        after_first = task("after", depends_on=[{"task_key": "first"}])
        run_id = workspace.submit(
            task("first"),
            after_first,
            task("bad"),
            task("never", depends_on=[{"task_key": "bad"}]),
            task("anyway", depends_on=[{"task_key": "bad"}], run_if="ALL_DONE"),
        )
        assert [t["status"]["state"] for t in workspace.run(run_id)["tasks"]][:2] == ["PENDING", "BLOCKED"]
        run = workspace.final(run_id)
        results = {t["task_key"]: t["state"].get("result_state") for t in run["tasks"]}
        assert results == {
            "first": "SUCCESS",
            "after": "SUCCESS",
            "bad": "FAILED",
            "never": "UPSTREAM_FAILED",
            "anyway": "SUCCESS",
        }
        assert run["state"]["result_state"] == "FAILED"
        assert "This caused all downstream tasks to get skipped" in run["state"]["state_message"]
        answer = workspace.call("GET", f"/api/2.2/jobs/runs/get-output?run_id={run_id}")
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_task_is_tried_again_as_often_as_it_says_and_a_repair_runs_only_what_failed() -> None:
    attempts: list[str] = []

    def scripts(task: TaskRun) -> Script:
        attempts.append(task.key)
        return FAILS if task.key == "shaky" and attempts.count("shaky") < 4 else Script(lasts_s=60)

    with DatabricksDouble(scripts=scripts) as double:
        workspace = open_workspace(double)
        run_id = workspace.submit(task("steady"), task("shaky", max_retries=2, min_retry_interval_millis=60_000))
        run = workspace.final(run_id)
        assert attempts.count("shaky") == 3
        shaky = next(t for t in run["tasks"] if t["task_key"] == "shaky")
        assert (shaky["attempt_number"], run["state"]["result_state"]) == (2, "FAILED")
        repair = workspace.client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
        assert workspace.run(run_id)["status"]["state"] == "RUNNING"
        assert workspace.final(run_id)["state"]["result_state"] == "SUCCESS"
        assert attempts.count("steady") == 1
        history = workspace.client.jobs.get_run(run_id, include_history=True).repair_history
        assert history is not None
        assert [(item.type, item.id) for item in history if item.type] == [
            (jobs.RepairHistoryItemType.ORIGINAL, run_id),
            (jobs.RepairHistoryItemType.REPAIR, repair.response.repair_id),
        ]
        with pytest.raises(InvalidParameterValue, match="latest_repair_id"):
            workspace.client.jobs.repair_run(run_id, rerun_tasks=["steady"])


def test_runs_are_listed_newest_first_over_pages() -> None:
    with DatabricksDouble(limits=Limits(runs=3)) as double:
        workspace = open_workspace(double)
        made = []
        for number in range(10):
            made.append(workspace.submit(run_name=f"run {number}"))
            double.clock.sleep(1)
        workspace.client.jobs.cancel_run(made[0])
        double.clock.sleep(60)
        assert [run.run_id for run in workspace.client.jobs.list_runs()] == made[::-1]
        assert [run.run_id for run in workspace.client.jobs.list_runs(active_only=True)] == made[:0:-1]
        assert [run.run_id for run in workspace.client.jobs.list_runs(completed_only=True)] == made[:1]
        start = workspace.run(made[4])["start_time"]
        assert [r.run_id for r in workspace.client.jobs.list_runs(start_time_from=start)] == made[:3:-1]
        first = workspace.call("GET", "/api/2.2/jobs/runs/list?limit=25").json()
        assert (len(first["runs"]), first["has_more"], "tasks" in first["runs"][0]) == (3, True, False)
        offset = workspace.call("GET", "/api/2.1/jobs/runs/list?limit=2&offset=8").json()
        assert [run["run_id"] for run in offset["runs"]] == [made[1], made[0]]
        for wrong in ("limit=26", "limit=0", "page_token=bogus", "active_only=true&completed_only=true"):
            assert workspace.call("GET", f"/api/2.2/jobs/runs/list?{wrong}").status_code == 400


def test_the_tasks_of_a_run_come_in_pages_too() -> None:
    with DatabricksDouble(limits=Limits(tasks=10)) as double:
        workspace = open_workspace(double)
        run_id = workspace.submit(*(task(f"t{number}") for number in range(25)))
        assert len(workspace.run(run_id)["tasks"]) == 10
        run = workspace.client.jobs.get_run(run_id)
        assert [t.task_key for t in run.tasks or ()] == [f"t{number}" for number in range(25)]
        old = workspace.call("GET", f"/api/2.1/jobs/runs/get?run_id={run_id}").json()
        assert len(old["tasks"]) == 25


def test_runs_are_forgotten_after_sixty_days(workspace: Workspace) -> None:
    run_id = workspace.submit()
    workspace.double.clock.sleep(timedelta(days=60).total_seconds())
    assert workspace.run(run_id)["run_id"] == run_id
    workspace.double.clock.sleep(1)
    assert workspace.run(run_id)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert not list(workspace.client.jobs.list_runs())


def test_a_task_has_no_tags_and_a_request_holds_only_what_the_api_knows(workspace: Workspace) -> None:
    assert "tags" not in jobs.SubmitTask.from_dict({**task(), "tags": {"dagster/run-id": "1"}}).as_dict()
    for wrong, said in (
        ({"tasks": [task(tags={"dagster/run-id": "1"})]}, "unknown field 'tasks[0].tags'"),
        ({"tasks": [task()], "nmae": "x"}, "unknown field 'nmae'"),
        ({"tasks": [task()], "timeout_seconds": "soon"}, "'timeout_seconds' must be an integer"),
        ({"tasks": [task(run_if="SOMETIMES")]}, "'tasks[0].run_if' is 'SOMETIMES'"),
        ({"tasks": []}, "At least one task"),
        ({"tasks": [task("a b")]}, "task_key"),
        ({"tasks": [task(), task()]}, "unique"),
        ({"tasks": [{"task_key": "x", "new_cluster": CLUSTER}]}, "exactly one of"),
        ({"tasks": [task(depends_on=[{"task_key": "gone"}])]}, "which is not a task"),
        ({"tasks": [task(existing_cluster_id="0101-000000-gone")]}, "does not exist"),
        ({"tasks": [task(environment_key="gone")]}, "environments does not define"),
        ({"tasks": [{"task_key": "x", "spark_python_task": {"python_file": f"{VOLUME}/x.py"}}]}, "needs compute"),
        ({"tasks": [task(new_cluster={**CLUSTER, "node_type_id": "m5.tiny"})]}, "m5.tiny is not supported"),
        ({"tasks": [task(new_cluster={**CLUSTER, "spark_version": "1.0"})]}, "Invalid spark version"),
        ({"tasks": [task(new_cluster={**CLUSTER, "autoscale": {"min_workers": 1, "max_workers": 2}})]}, "Only one of"),
        ({"tasks": [task(new_cluster={"spark_version": "15.4.x-scala2.12"})]}, "node_type_id"),
    ):
        answer = workspace.call("POST", "/api/2.2/jobs/runs/submit", wrong)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), wrong
        assert said in answer.json()["message"]
    assert workspace.call("POST", "/api/2.2/jobs/runs/submit", data="{").json()["error_code"] == "MALFORMED_REQUEST"
    assert workspace.call("GET", "/api/2.2/jobs/runs/nothing").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert not workspace.double.books.submissions
