"""How runs end on Databricks, and what the engine says of it: in virtual time, by the faults that the double has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import NEW_CLUSTER, VOLUME, SimulatedWorkspace

from engineshed.model.errors import AccessDenied, LaunchLost, PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.status import State
from engineshed.testing.databricks import (
    CallFault,
    CallTrouble,
    DatabricksDouble,
    Faults,
    RunFault,
    RunTrouble,
    Script,
    raised,
)

SPOT = {**NEW_CLUSTER, "markets": ["spot"]}
ALL_SPOT = {**SPOT, "first_on_demand": 0}
SERVERLESS: Mapping[str, Any] = {"kind": "serverless", "environment_version": "4"}

Make = Callable[..., SimulatedWorkspace]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble(scripts=Script(lasts_s=600.0)) as started:
        started.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", started.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", started.token)
        yield started


@pytest.fixture
def workspace(double: DatabricksDouble, tmp_path: Path) -> Make:
    def make(*compute: Mapping[str, Any], faults: Faults | None = None, **more: Any) -> SimulatedWorkspace:
        made = SimulatedWorkspace(double, tmp_path, *(compute or (NEW_CLUSTER,)), **more)
        double.plan(faults or Faults())
        return made

    return make


@pytest.mark.parametrize(
    ("trouble", "compute", "failure_class", "reason"),
    [
        (RunTrouble.WORKSPACE_FULL, NEW_CLUSTER, FailureClass.CAPACITY, "workspace_run_limit_exceeded"),
        (RunTrouble.REQUEST_LIMIT, NEW_CLUSTER, FailureClass.CAPACITY, "cluster_request_limit_exceeded"),
        (
            RunTrouble.NO_CAPACITY,
            NEW_CLUSTER,
            FailureClass.CAPACITY,
            "aws_insufficient_instance_capacity_failure",
        ),
        (RunTrouble.INIT_SCRIPT, NEW_CLUSTER, FailureClass.CONFIGURATION, "init_script_failure"),
        (RunTrouble.LIBRARY, NEW_CLUSTER, FailureClass.CONFIGURATION, "library_installation_error"),
        (RunTrouble.DRIVER_LOST, ALL_SPOT, FailureClass.SPOT_LOSS, "spot_instance_termination"),
        (RunTrouble.DRIVER_LOST, SPOT, FailureClass.PLATFORM, "instance_unreachable"),
        (RunTrouble.CLUSTER_GONE, NEW_CLUSTER, FailureClass.PLATFORM, "user_request"),
    ],
)
def test_a_fault_of_the_platform_has_its_class(
    trouble: RunTrouble, compute: Mapping[str, Any], failure_class: FailureClass, reason: str, workspace: Make
) -> None:
    here = workspace(compute, faults=Faults(runs=(RunFault(trouble=trouble, at_s=60),)))
    status = here.ended(here.submit())
    assert status.state is State.FAILED
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (failure_class, reason)
    assert status.failure.message


@pytest.mark.parametrize("compute", [NEW_CLUSTER, SERVERLESS])
def test_an_exception_of_the_script_is_the_users_and_is_shown(
    compute: Mapping[str, Any], double: DatabricksDouble, workspace: Make
) -> None:
    trace = "Traceback (most recent call last):\n  File 'edges.py'\nValueError: no such crawl"
    double.renew(scripts=Script(ends=raised("ValueError: no such crawl", trace)))
    double.make_volume(VOLUME)
    here = workspace(compute)
    failure = here.ended(here.submit()).failure
    assert failure is not None
    assert failure.failure_class is FailureClass.USER_CODE
    assert failure.detail == trace


def test_a_run_over_its_time_is_a_timeout_of_the_users(workspace: Make) -> None:
    here = workspace()
    failure = here.ended(here.submit(timeout_s=400.0)).failure
    assert failure is not None
    assert (failure.failure_class, failure.reason) == (FailureClass.USER_CODE, "timeout")


def test_a_run_of_many_hours_has_no_ceiling(double: DatabricksDouble, workspace: Make) -> None:
    double.renew(scripts=Script(lasts_s=20 * 3600.0))
    double.make_volume(VOLUME)
    here = workspace()
    assert here.ended(here.submit(), every_s=300).state is State.SUCCEEDED


def test_spot_workers_that_are_lost_and_replaced_end_nothing(workspace: Make) -> None:
    here = workspace(SPOT, faults=Faults(runs=(RunFault(trouble=RunTrouble.NODES_LOST, at_s=100, workers=1),)))
    assert here.ended(here.submit()).state is State.SUCCEEDED


@pytest.mark.parametrize("when", [State.STARTING, State.RUNNING])
def test_a_cancel_lands_whenever_it_is_asked_for(when: State, workspace: Make) -> None:
    here = workspace()
    launch = here.submit()
    here.until(launch, when)
    here.engine.cancel(launch)
    here.engine.cancel(launch)
    assert here.ended(launch).state is State.CANCELLED
    here.clock.sleep(600)
    assert here.double.books.billing_now() == ()


def test_a_cancel_whose_reply_is_lost_has_landed_and_may_be_asked_again(workspace: Make) -> None:
    lost = CallFault(trouble=CallTrouble.LOST_REPLY, on="POST .*runs/cancel")
    here = workspace(faults=Faults(calls=(lost,)))
    launch = here.submit()
    with pytest.raises(PlatformBusy):
        here.engine.cancel(launch)
    here.engine.cancel(launch)
    assert here.ended(launch).state is State.CANCELLED


def test_a_run_that_a_person_ends_in_the_workspace_is_cancelled_too(workspace: Make) -> None:
    """Told apart from its driver's loss, which is another's turn: see `DRIVER_LOST` above."""
    here = workspace()
    launch = here.submit()
    here.until(launch, State.RUNNING)
    here.client().jobs.cancel_run(int(launch.native_id))
    status = here.ended(launch)
    assert (status.state, status.native) == (State.CANCELLED, "USER_CANCELED")


@pytest.mark.parametrize(
    "trouble",
    [
        CallTrouble.THROTTLED,
        CallTrouble.UNAVAILABLE,
        CallTrouble.INTERNAL,
        CallTrouble.HTML,
        CallTrouble.LOST_REPLY,
        CallTrouble.LOST_REQUEST,
    ],
)
def test_an_hour_of_trouble_while_polling_ends_no_run(trouble: CallTrouble, workspace: Make) -> None:
    fault = CallFault(trouble=trouble, on="GET .*runs/get", after=3, times=0, lasting_s=3600.0, retry_after_s=30)
    here = workspace(faults=Faults(calls=(fault,)))
    launch = here.submit()
    before = here.clock.now()
    assert here.ended(launch).state is State.SUCCEEDED
    assert (here.clock.now() - before).total_seconds() >= 3600


def test_throttling_is_told_at_once_and_not_waited_out(workspace: Make) -> None:
    """The SDK would sleep through `Retry-After` while the watcher's lease runs out."""
    fault = CallFault(trouble=CallTrouble.THROTTLED, on="GET .*runs/get", after=1, times=1, retry_after_s=3600)
    here = workspace(faults=Faults(calls=(fault,)))
    launch = here.submit()
    with pytest.raises(PlatformBusy, match="did not do"):
        here.engine.status(launch)
    assert here.engine.status(launch).state is State.STARTING


def test_expired_credentials_are_renewed(workspace: Make) -> None:
    here = workspace(faults=Faults(calls=(CallFault(trouble=CallTrouble.EXPIRED, on="GET .*runs/get", after=1),)))
    launch = here.submit()
    assert here.engine.status(launch).state is State.STARTING


def test_credentials_that_stay_expired_are_an_error_of_access(workspace: Make) -> None:
    here = workspace(
        faults=Faults(calls=(CallFault(trouble=CallTrouble.EXPIRED, on="GET .*runs/get", after=1, times=0),))
    )
    launch = here.submit()
    with pytest.raises(AccessDenied, match="renew the credentials"):
        here.engine.status(launch)


@pytest.mark.parametrize("call", ["POST .*runs/submit", "GET .*runs/get", "POST .*workspace/import"])
def test_a_right_that_is_missing_is_told_at_once(call: str, workspace: Make) -> None:
    here = workspace(faults=Faults(calls=(CallFault(trouble=CallTrouble.DENIED, on=call, times=0),)))
    with pytest.raises(AccessDenied, match="lacks the right"):
        here.submit()


def test_a_run_that_was_deleted_is_lost(workspace: Make) -> None:
    here = workspace(faults=Faults(runs=(RunFault(trouble=RunTrouble.RUN_DELETED, at_s=10),)))
    launch = here.submit()
    here.clock.sleep(400)
    with pytest.raises(LaunchLost, match=str(launch.token)):
        here.engine.status(launch)
    with pytest.raises(LaunchLost):
        here.engine.usage(launch)
    here.engine.cancel(launch)


def test_a_request_that_the_workspace_refuses_is_not_tried_again(workspace: Make) -> None:
    here = workspace(policy="no-such-policy")
    with pytest.raises(SubmitRejected, match="no-such-policy") as caught:
        here.submit()
    assert caught.value.failure_class is FailureClass.CONFIGURATION
    assert not caught.value.transient


@pytest.mark.parametrize("trouble", [CallTrouble.LOST_REPLY, CallTrouble.LOST_REQUEST])
def test_a_lost_reply_to_a_submit_makes_one_run(trouble: CallTrouble, workspace: Make) -> None:
    here = workspace(faults=Faults(calls=(CallFault(trouble=trouble, on="POST .*runs/submit"),)))
    request = here.engine.render(here.work())
    with pytest.raises(PlatformBusy):
        here.engine.submit(request)
    found = here.engine.find(request.token)
    assert (found is not None) is (trouble is CallTrouble.LOST_REPLY)
    launch = here.engine.submit(request)
    assert found in (None, launch)
    assert here.double.books.runs_of(request.token) == 1


def test_a_token_is_never_given_to_a_new_attempt(workspace: Make) -> None:
    """Whoever submits it again gets the old run, failed as it is; a new attempt has a token of its own."""
    here = workspace(faults=Faults(runs=(RunFault(trouble=RunTrouble.NO_CAPACITY),)))
    request = here.engine.render(here.work())
    first = here.engine.submit(request)
    assert here.ended(first).state is State.FAILED
    assert here.engine.submit(request) == first
    assert here.ended(here.submit()).state is State.SUCCEEDED
    assert len(here.double.books.submissions) == 2


def test_a_run_is_found_from_dagster_and_dagsters_from_the_run(workspace: Make) -> None:
    here = workspace(tags={"cost-centre": "42"})
    launch = here.submit()
    run = here.client().jobs.get_run(int(launch.native_id))
    assert run.run_name == f"edges {launch.token}"
    assert run.tasks is not None
    cluster = run.tasks[0].new_cluster
    assert cluster is not None
    assert cluster.custom_tags is not None
    assert {"engineshed-token": launch.token, "dagster-run-id": "b7d1", "cost-centre": "42"}.items() <= (
        cluster.custom_tags.items()
    )
    assert launch.url == run.run_page_url
    assert list(here.build().owned(launch.token[:10])) == [launch]


def test_runs_of_others_are_not_ours(workspace: Make) -> None:
    here = workspace()
    launch = here.submit()
    body = here.engine.render(here.work()).body["submit"]
    here.client().api_client.do(
        "POST", "/api/2.2/jobs/runs/submit", body={**body, "run_name": "nightly", "idempotency_token": "theirs"}
    )
    assert [found.token for found in here.engine.owned("es-")] == [launch.token]


def test_runs_are_found_over_many_pages_and_days_back(workspace: Make) -> None:
    here = workspace(SERVERLESS)
    first = here.submit()
    for _ in range(60):
        here.submit()
        here.clock.sleep(60)
    assert here.engine.find(first.token) == first
    assert len(list(here.engine.owned("es-"))) == 61
    here.clock.sleep(8 * 24 * 3600)
    assert here.engine.find(first.token) is None
