"""What goes wrong with single requests, and who may make them."""

from __future__ import annotations

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied, Unauthenticated
from tests.integration.databricks.clients import Workspace, open_workspace

from engineshed.testing.databricks import CallFault, CallTrouble, DatabricksDouble, Faults

GET = "/api/2.2/jobs/runs/get"


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (CallTrouble.THROTTLED, 429, "REQUEST_LIMIT_EXCEEDED"),
        (CallTrouble.UNAVAILABLE, 503, "TEMPORARILY_UNAVAILABLE"),
        (CallTrouble.INTERNAL, 500, "INTERNAL_ERROR"),
        (CallTrouble.EXPIRED, 401, "UNAUTHENTICATED"),
        (CallTrouble.DENIED, 403, "PERMISSION_DENIED"),
    ],
)
def test_calls_are_refused_as_often_as_planned(
    workspace: Workspace, trouble: CallTrouble, status: int, code: str
) -> None:
    run_id = workspace.submit()
    workspace.double.plan(Faults(calls=(CallFault(trouble=trouble, on="GET .*/runs/get$", after=1, times=2),)))
    answers = [workspace.call("GET", f"{GET}?run_id={run_id}") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, status, status, 200]
    assert answers[1].json()["error_code"] == code
    assert ("Retry-After" in answers[1].headers) == (trouble is CallTrouble.THROTTLED)


def test_trouble_lasts_as_long_as_planned(workspace: Workspace) -> None:
    run_id = workspace.submit()
    fault = CallFault(trouble=CallTrouble.UNAVAILABLE, times=0, lasting_s=90, retry_after_s=5)
    workspace.double.plan(Faults(calls=(fault,)))
    statuses = []
    for _ in range(4):
        answer = workspace.call("GET", f"{GET}?run_id={run_id}")
        statuses.append((answer.status_code, answer.headers.get("Retry-After")))
        workspace.double.clock.sleep(30)
    assert statuses == [(503, "5")] * 3 + [(200, None)]


def test_a_gateway_answers_no_json(workspace: Workspace) -> None:
    workspace.double.plan(Faults(calls=(CallFault(trouble=CallTrouble.HTML),)))
    answer = workspace.call("GET", f"{GET}?run_id=1")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")


def test_a_lost_reply_is_work_done_and_a_lost_request_is_not(workspace: Workspace) -> None:
    submit = "POST .*/runs/submit$"
    workspace.double.plan(Faults(calls=(CallFault(trouble=CallTrouble.LOST_REPLY, on=submit),)))
    with pytest.raises(requests.ConnectionError):
        workspace.submit(idempotency_token="es-1")
    assert workspace.double.books.runs_of("es-1") == 1
    assert workspace.submit(idempotency_token="es-1") == workspace.double.books.submissions[0]
    workspace.double.plan(Faults(calls=(CallFault(trouble=CallTrouble.LOST_REQUEST, on=submit),)))
    with pytest.raises(requests.ConnectionError):
        workspace.submit(idempotency_token="es-2")
    assert workspace.double.books.runs_of("es-2") == 0
    assert [asked.status for asked in workspace.double.asked if asked.path.endswith("submit")] == [0, 200, 0]


def test_a_token_is_needed_and_must_be_good(workspace: Workspace) -> None:
    assert workspace.call("GET", GET, headers={"Authorization": ""}).status_code == 401
    assert workspace.call("GET", GET, headers={"Authorization": "Bearer another"}).status_code == 403
    with pytest.raises(PermissionDenied):
        WorkspaceClient(host=workspace.double.host, token="another").current_user.me()


def test_a_service_principal_logs_in_for_an_hour(workspace: Workspace) -> None:
    workspace.double.add_principal("robot", "secret")
    client = WorkspaceClient(host=workspace.double.host, client_id="robot", client_secret="secret")
    assert client.current_user.me().user_name == "double@example.com"
    assert client.get_workspace_id() == 1234567890123456
    workspace.double.clock.sleep(3600)
    with pytest.raises(Unauthenticated, match="expired"):
        client.current_user.me()
    guessing = WorkspaceClient(host=workspace.double.host, client_id="robot", client_secret="guess")
    with pytest.raises(ValueError, match="invalid_client"):
        guessing.current_user.me()


def test_a_wrong_answer_of_the_double_fails_the_test_that_got_it() -> None:
    def get_a_wrong_answer() -> None:
        with DatabricksDouble() as double:
            workspace = open_workspace(double)
            run_id = workspace.submit()
            double.platform.runs.runs[run_id].kind = "NO_SUCH_KIND"
            answer = workspace.call("GET", f"{GET}?run_id={run_id}")
            assert (answer.status_code, answer.json()["error_code"]) == (500, "DOUBLE_WRONG")
            assert ".run_type" in answer.json()["message"]

    with pytest.raises(AssertionError, match="the double made 1 mistakes"):
        get_a_wrong_answer()


def test_a_renewed_workspace_knows_nothing_but_its_files(workspace: Workspace) -> None:
    run_id = workspace.submit(idempotency_token="es-1")
    workspace.double.renew()
    assert workspace.call("GET", f"{GET}?run_id={run_id}").status_code == 400
    assert not workspace.double.books.submissions
    assert workspace.client.files.get_directory_metadata("/Volumes/main/default/jobs") is None
