"""Named jobs of the double: settings, permissions, limits, the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from tests.integration.databricks.clients import CLUSTER, Workspace, open_workspace, task

from engineshed.testing.databricks import DatabricksDouble, Limits


def create(workspace: Workspace, **settings: Any) -> int:
    body = {"name": "edges", "tasks": [task()], **settings}
    answer = workspace.call("POST", "/api/2.2/jobs/create", body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["job_id"])


def run_now(workspace: Workspace, job_id: int, **more: Any) -> int:
    answer = workspace.call("POST", "/api/2.2/jobs/run-now", {"job_id": job_id, **more})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id"])


def test_a_job_is_created_changed_listed_and_deleted(workspace: Workspace) -> None:
    api = workspace.client.jobs
    job_id = create(workspace, tags={"team": "web"}, tasks=[task("a"), task("b")])
    api.update(
        job_id, new_settings=jobs.JobSettings(timeout_seconds=60, tasks=[jobs.Task.from_dict(task("b", max_retries=1))])
    )
    settings = api.get(job_id).settings
    assert settings is not None
    assert (settings.timeout_seconds, settings.tags) == (60, {"team": "web"})
    assert [(t.task_key, t.max_retries) for t in settings.tasks or ()] == [("a", None), ("b", 1)]
    api.update(job_id, fields_to_remove=["tags"])
    api.reset(job_id, jobs.JobSettings(name="edges 2", tasks=[jobs.Task.from_dict(task("c"))]))
    settings = api.get(job_id).settings
    assert settings is not None
    assert (settings.name, settings.tags, settings.timeout_seconds) == ("edges 2", None, 0)
    other = create(workspace, name="graph")
    assert [job.job_id for job in api.list()] == [other, job_id]
    assert [job.job_id for job in api.list(name="EDGES 2")] == [job_id]
    run_id = run_now(workspace, job_id)
    api.delete(job_id)
    assert workspace.final(run_id)["state"]["result_state"] == "CANCELED"
    with pytest.raises(ResourceDoesNotExist):
        api.get(job_id)
    with pytest.raises(InvalidParameterValue):
        api.delete(job_id)


def test_a_run_of_a_job_overrides_parameters_and_runs_once_per_token(workspace: Workspace) -> None:
    script = {
        "python_file": "/Volumes/main/default/jobs/x.py",
        "parameters": ["--crawl", "{{job.parameters.crawl}}", "{{x}}"],
    }
    parameters = [{"name": "crawl", "default": "CC-MAIN-2024-10"}]
    job_id = create(workspace, tasks=[task(spark_python_task=script)], parameters=parameters)

    def parameters_of(run_id: int) -> list[str]:
        return list(workspace.double.platform.runs.runs[run_id].tasks[0].parameters)

    first = run_now(workspace, job_id, idempotency_token="es-1")
    assert run_now(workspace, job_id, idempotency_token="es-1") == first
    assert parameters_of(first) == ["--crawl", "CC-MAIN-2024-10", "{{x}}"]
    workspace.final(first)
    second = run_now(workspace, job_id, job_parameters={"crawl": "CC-MAIN-2025-08"})
    assert parameters_of(second)[1] == "CC-MAIN-2025-08"
    assert workspace.final(second)["job_parameters"] == [
        {"name": "crawl", "default": "CC-MAIN-2024-10", "value": "CC-MAIN-2025-08"}
    ]
    third = run_now(workspace, job_id, python_params=["{{job.run_id}}", "{{job.id}}"])
    assert parameters_of(third) == [str(third), str(job_id)]
    too_long = {"job_id": job_id, "python_params": ["x" * 10_000]}
    assert "10000 bytes" in workspace.call("POST", "/api/2.2/jobs/run-now", too_long).json()["message"]


def test_job_tags_reach_the_cluster_and_tasks_share_a_job_cluster(workspace: Workspace) -> None:
    shared = [{"job_cluster_key": "shared", "new_cluster": CLUSTER}]
    tasks = [task("a", job_cluster_key="shared"), task("b", job_cluster_key="shared", depends_on=[{"task_key": "a"}])]
    run = workspace.final(run_now(workspace, create(workspace, tasks=tasks, job_clusters=shared, tags={"team": "web"})))
    clusters = {t["cluster_instance"]["cluster_id"] for t in run["tasks"]}
    assert len(clusters) == 1
    assert run["tasks"][1]["setup_duration"] == 0
    details = workspace.client.clusters.get(clusters.pop())
    assert details.default_tags is not None
    assert details.default_tags["team"] == "web"
    workspace.double.clock.sleep(60)
    assert not workspace.double.books.billing_now()


def test_a_job_beyond_its_concurrent_runs_skips_or_queues(workspace: Workspace) -> None:
    job_id = create(workspace)
    first, second = run_now(workspace, job_id), run_now(workspace, job_id)
    skipped = workspace.run(second)
    assert (skipped["state"]["life_cycle_state"], skipped["state"]["result_state"]) == (
        "SKIPPED",
        "MAXIMUM_CONCURRENT_RUNS_REACHED",
    )
    assert skipped["status"]["termination_details"]["code"] == "MAX_CONCURRENT_RUNS_EXCEEDED"
    third, fourth = (run_now(workspace, job_id, queue={"enabled": True}) for _ in range(2))
    queued = workspace.run(third)
    assert queued["state"]["life_cycle_state"] == queued["status"]["state"] == "QUEUED"
    assert queued["status"]["queue_details"]["code"] == "MAX_CONCURRENT_RUNS_REACHED"
    workspace.client.jobs.cancel_run(fourth)
    assert workspace.run(fourth)["state"]["result_state"] == "CANCELED"
    workspace.final(first)
    run = workspace.final(third)
    assert (run["state"]["result_state"], run["queue_duration"]) == ("SUCCESS", 842_000)


def test_a_full_workspace_refuses_or_queues() -> None:
    with DatabricksDouble(limits=Limits(active_tasks=1)) as double:
        workspace = open_workspace(double)
        first = workspace.submit()
        refused = workspace.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [task()], "idempotency_token": "es-1"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert double.books.runs_of("es-1") == 0
        queued = workspace.submit(queue={"enabled": True})
        assert workspace.run(queued)["status"]["queue_details"]["code"] == "ACTIVE_RUNS_LIMIT_REACHED"
        workspace.client.jobs.cancel_all_runs(all_queued_runs=True)
        assert workspace.run(queued)["state"]["result_state"] == "CANCELED"
        waiting = workspace.submit(queue={"enabled": True})
        workspace.final(first)
        assert workspace.final(waiting)["state"]["result_state"] == "SUCCESS"


def test_who_may_do_what(workspace: Workspace) -> None:
    api = workspace.client.jobs
    group = {"group_name": "data", "permission_level": "CAN_VIEW"}
    job_id = str(create(workspace, access_control_list=[group]))

    def levels() -> dict[str, str]:
        entries = api.get_permissions(job_id).access_control_list or ()
        return {
            str(e.group_name or e.user_name): str(p.permission_level.value)
            for e in entries
            for p in e.all_permissions or ()
            if p.permission_level
        }

    assert levels() == {"double@example.com": "IS_OWNER", "data": "CAN_VIEW", "admins": "CAN_MANAGE"}
    manage = jobs.JobAccessControlRequest(group_name="data", permission_level=jobs.JobPermissionLevel.CAN_MANAGE)
    api.update_permissions(job_id, access_control_list=[manage])
    assert levels()["data"] == "CAN_MANAGE"
    owner = jobs.JobAccessControlRequest(user_name="ann@example.com", permission_level=jobs.JobPermissionLevel.IS_OWNER)
    api.set_permissions(job_id, access_control_list=[owner])
    assert levels() == {"ann@example.com": "IS_OWNER", "admins": "CAN_MANAGE"}
    with pytest.raises(InvalidParameterValue, match="owner"):
        api.set_permissions(job_id, access_control_list=[manage])
    assert len(api.get_permission_levels(job_id).permission_levels or ()) == 4
    assert json.dumps(api.get_permissions(job_id).as_dict())
