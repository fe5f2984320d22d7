"""Named jobs: one definition whoever deploys it, runs of that definition, and the same promises as one-time runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import NEW_CLUSTER, VOLUME, SimulatedWorkspace

from engineshed.model.errors import PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.launch import Launch
from engineshed.model.request import Request
from engineshed.model.status import State
from engineshed.testing.databricks import CallFault, CallTrouble, DatabricksDouble, Faults, Script
from engineshed.workspace import Login, Workspace

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
    def make(**more: Any) -> SimulatedWorkspace:
        return SimulatedWorkspace(double, tmp_path, NEW_CLUSTER, named_jobs=True, **more)

    return make


def their_job(name: str) -> dict[str, Any]:
    task = {"python_file": "/Workspace/theirs.py"}
    spec = {"spark_version": "15.4.x-scala2.12", "node_type_id": "m5.large", "num_workers": 1}
    return {"name": name, "tasks": [{"task_key": "theirs", "spark_python_task": task, "new_cluster": spec}]}


def jobs(here: SimulatedWorkspace) -> list[Mapping[str, Any]]:
    return [job.as_dict() for job in here.client().jobs.list()]


def test_a_run_is_one_of_the_job_and_ends_as_any_other(workspace: Make) -> None:
    here = workspace()
    launch = here.submit()
    assert here.engine.submit(here.engine.render(here.work(token=launch.token))) == launch
    assert here.build().find(launch.token) == launch
    assert here.ended(launch).state is State.SUCCEEDED
    (job,) = jobs(here)
    assert job["settings"]["name"] == "engineshed web_graph edges [1 + 1 x m5.large on_demand]"
    assert launch.extras["job_id"] == str(job["job_id"])
    assert here.double.books.runs_of(launch.token) == 1


def test_many_runs_share_a_definition(workspace: Make) -> None:
    here = workspace()
    launches = [here.submit() for _ in range(3)]
    assert len({launch.extras["job_id"] for launch in launches}) == 1
    assert {launch.token for launch in here.engine.owned("es-")} == {launch.token for launch in launches}


def test_a_cancel_lands_there_too(workspace: Make) -> None:
    here = workspace()
    launch, other = here.submit(), here.submit()
    here.until(launch, State.RUNNING)
    here.engine.cancel(launch)
    assert here.ended(launch).state is State.CANCELLED
    assert here.ended(other).state is State.SUCCEEDED


def test_twenty_deployers_at_once_leave_one_definition(workspace: Make) -> None:
    here = workspace()
    requests = [here.engine.render(here.work()) for _ in range(20)]

    def deploy(request: Request) -> Launch:
        engine = here.build()
        for _ in range(20):
            try:
                return engine.submit(request)
            except PlatformBusy:  # another deployer took the job away: repeat, as the route does
                continue
        raise AssertionError("still busy")

    with ThreadPoolExecutor(20) as pool:
        launches = list(pool.map(deploy, requests))
    (job,) = jobs(here)
    assert {launch.extras["job_id"] for launch in launches} == {str(job["job_id"])}
    assert {launch.token for launch in launches} == {request.token for request in requests}
    assert len(here.double.books.submissions) == 20


def test_another_content_is_deployed_over_it_and_the_same_is_not(workspace: Make) -> None:
    here = workspace()
    here.submit()
    here.submit()
    assert not [asked for asked in here.double.asked if asked.path == "/api/2.2/jobs/reset"]
    newer = workspace(conf={"spark.sql.shuffle.partitions": "7"})
    newer.submit()
    (job,) = jobs(newer)
    (task,) = here.client().jobs.get(job["job_id"]).as_dict()["settings"]["tasks"]
    assert task["new_cluster"]["spark_conf"] == {"spark.sql.shuffle.partitions": "7"}


def test_what_a_person_changed_by_hand_is_set_back_with_the_next_content(workspace: Make) -> None:
    here = workspace()
    here.submit()
    (job,) = jobs(here)
    here.client().api_client.do(
        "POST",
        "/api/2.2/jobs/update",
        body={"job_id": job["job_id"], "new_settings": {"tags": {"engineshed-definition": "edited"}}},
    )
    here.submit()
    (job,) = jobs(here)
    assert job["settings"]["tags"]["engineshed-definition"] != "edited"


def test_a_repeated_submit_of_an_older_content_resets_nothing(workspace: Make) -> None:
    here = workspace()
    request = here.engine.render(here.work())
    launch = here.engine.submit(request)
    newer = workspace(conf={"spark.sql.shuffle.partitions": "7"})
    newer.submit()
    (deployed,) = jobs(newer)
    assert here.engine.submit(request) == launch
    assert jobs(newer) == [deployed]


def test_permissions_come_with_the_job_and_with_its_changes(workspace: Make) -> None:
    here = workspace(permissions=[{"group": "web", "level": "CAN_MANAGE_RUN"}])
    here.submit()
    (job,) = jobs(here)

    def granted() -> str:
        found = here.client().jobs.get_permissions(str(job["job_id"])).as_dict()
        return json.dumps(found)

    assert '"group_name": "web"' in granted()
    newer = workspace(permissions=[{"group": "ops", "level": "CAN_VIEW"}])
    newer.submit()
    assert '"group_name": "ops"' in granted()


def test_a_job_of_that_name_that_is_not_ours_is_left_alone(workspace: Make) -> None:
    here = workspace()
    name = here.engine.render(here.work()).body["job"]["name"]
    theirs = here.client().api_client.do("POST", "/api/2.2/jobs/create", body=their_job(name))
    here.submit()
    ids = {job["job_id"] for job in jobs(here)}
    assert isinstance(theirs, dict)
    assert theirs["job_id"] in ids
    assert len(ids) == 2


class Interrupted(Workspace):
    """A workspace in which something happens just before a run is started."""

    def __init__(self, host: str, happens: Callable[[], object]) -> None:
        super().__init__(Login(host=host))
        self._happens = happens

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if path.endswith("/run-now"):
            self._happens()
        return super().post(path, body)


def test_a_run_that_may_be_of_another_version_is_cancelled(workspace: Make) -> None:
    here, newer = workspace(), workspace(conf={"spark.sql.shuffle.partitions": "7"})
    here.submit()
    request = here.engine.render(here.work())
    engine = here.build(Interrupted(here.double.host, newer.submit))
    with pytest.raises(SubmitRejected, match="deployed anew") as caught:
        engine.submit(request)
    assert caught.value.failure_class is FailureClass.PLATFORM
    found = here.build().find(request.token)
    assert found is not None
    assert here.ended(found).state is State.CANCELLED


@pytest.mark.parametrize("call", ["jobs/create", "jobs/run-now", "jobs/list"])
@pytest.mark.parametrize("trouble", [CallTrouble.LOST_REPLY, CallTrouble.UNAVAILABLE])
def test_trouble_while_deploying_leaves_one_definition_and_one_run(
    call: str, trouble: CallTrouble, workspace: Make
) -> None:
    here = workspace()
    here.double.plan(Faults(calls=(CallFault(trouble=trouble, on=f".*{call}"),)))
    request = here.engine.render(here.work())
    with pytest.raises(PlatformBusy):
        here.engine.submit(request)
    launch = here.engine.submit(request)
    assert len(jobs(here)) == 1
    assert here.double.books.runs_of(launch.token) == 1
