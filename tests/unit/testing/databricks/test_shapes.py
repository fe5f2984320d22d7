from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("databricks.sdk")

from engineshed.testing.databricks.refusals import Refusal
from engineshed.testing.databricks.shapes import ShapeWrong, arguments, checked, compute, jobs

TASK = {"task_key": "main", "spark_python_task": {"python_file": "/Volumes/a/b/c/x.py", "parameters": ["a"]}}


def test_an_answer_that_the_sdk_reads_whole_is_taken() -> None:
    checked(jobs.Run, {"run_id": 1, "tasks": [TASK], "status": {"state": "RUNNING"}})
    checked(jobs.ListRunsResponse, {"runs": []})
    checked(jobs.RunStatus, {"termination_details": {"code": "CLUSTER_TERMINATED_BY_USER"}})


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"run_idd": 1}, ".run_idd (unknown)"),
        ({"tasks": [{**TASK, "tags": {"a": "b"}}]}, ".tasks[0].tags (unknown)"),
        ({"status": {"state": "DREAMING"}}, ".status.state (unknown)"),
        ({"state": {"result_state": "GREAT"}}, ".state.result_state (unknown)"),
    ],
)
def test_an_answer_that_the_sdk_would_lose_a_part_of_is_a_fault(answer: dict[str, Any], path: str) -> None:
    with pytest.raises(ShapeWrong) as wrong:
        checked(jobs.Run, answer)
    assert path in str(wrong.value)


def test_a_request_is_read_by_the_signature_of_the_sdks_method() -> None:
    query = {"active_only": "true", "limit": "25", "job_id": "7", "raw": "yes"}
    read = {"active_only": True, "limit": 25, "job_id": 7, "raw": "yes"}
    assert arguments(jobs.JobsAPI.list_runs, query, also=("raw",)) == read
    assert arguments(jobs.JobsAPI.submit, {"tasks": [TASK]}) == {"tasks": [TASK]}
    assert arguments(compute.ClustersAPI.events, {"cluster_id": "x", "event_types": "RUNNING"})["event_types"] == [
        "RUNNING"
    ]


@pytest.mark.parametrize(
    ("request_body", "said"),
    [
        ({"raw": "yes"}, "unknown field 'raw'"),
        ({"limit": "many"}, "'limit' must be an integer"),
        ({"limit": True}, "'limit' must be an integer"),
        ({"active_only": "perhaps"}, "'active_only' must be true or false"),
        ({"run_type": "WALK"}, "'run_type' is 'WALK', which is none of JOB_RUN"),
    ],
)
def test_a_request_with_another_shape_is_refused(request_body: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as no:
        arguments(jobs.JobsAPI.list_runs, request_body)
    assert (no.value.status, no.value.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert said in no.value.message


def test_what_the_method_needs_must_be_there() -> None:
    with pytest.raises(Refusal, match="Missing required field: run_id"):
        arguments(jobs.JobsAPI.get_run, {})
    with pytest.raises(Refusal, match="must be an object"):
        arguments(jobs.JobsAPI.submit, {"tasks": ["main"]})
    with pytest.raises(Refusal, match="must be a string"):
        arguments(jobs.JobsAPI.submit, {"tasks": [{"task_key": 1}]})
