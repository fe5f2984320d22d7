"""Clusters of the double: events, machines, markets, and what they add up to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import compute
from tests.integration.databricks.clients import CLUSTER, Workspace, open_workspace, task

from engineshed.testing.databricks import DatabricksDouble, Faults, Limits, RunFault, RunTrouble

FALLBACK = {"availability": "SPOT_WITH_FALLBACK", "first_on_demand": 1}


def kinds(workspace: Workspace, run_id: int) -> list[str]:
    return [event["type"] for event in workspace.events(run_id)]


def on(**more: Any) -> dict[str, Any]:
    return task(new_cluster={**CLUSTER, **more})


def machines(workspace: Workspace, run_id: int) -> list[tuple[bool, str, bool]]:
    """Driver or not, market, still held."""
    return [(s.driver, s.market, s.end is None) for s in workspace.double.books.spans(run_id)]


def test_a_job_cluster_lives_as_long_as_its_run_and_tells_it_all(workspace: Workspace) -> None:
    run_id = workspace.submit(on(custom_tags={"team": "web"}), run_name="edges")
    run = workspace.final(run_id)
    assert kinds(workspace, run_id) == ["CREATING", "RUNNING", "DRIVER_HEALTHY", "UPSIZE_COMPLETED", "TERMINATING"]
    cluster_id = run["tasks"][0]["cluster_instance"]["cluster_id"]
    details = workspace.client.clusters.get(cluster_id)
    assert details.state is compute.State.TERMINATING
    assert details.cluster_source is compute.ClusterSource.JOB
    assert details.cluster_name == f"job-{run['job_id']}-run-{run_id}-main"
    assert details.custom_tags == {"team": "web"}
    assert details.default_tags is not None
    assert (details.default_tags["JobId"], details.default_tags["RunName"]) == (str(run["job_id"]), "edges")
    workspace.double.clock.sleep(30)
    details = workspace.client.clusters.get(cluster_id)
    assert details.state is compute.State.TERMINATED
    assert details.termination_reason is not None
    assert details.termination_reason.code is compute.TerminationReasonCode.JOB_FINISHED


def test_the_books_agree_with_a_sum_made_by_hand(workspace: Workspace) -> None:
    run_id = workspace.submit(on(num_workers=3, aws_attributes=FALLBACK))
    workspace.final(run_id)
    workspace.double.clock.sleep(60)
    # Driver from 240 s, workers from 260 s, all of them until the end of the run at 842 s and 30 s more.
    driver, worker = Decimal(872 - 240) / 3600, Decimal(872 - 260) / 3600
    books = workspace.double.books
    assert abs(books.node_hours(run_id=run_id) - (driver + 3 * worker)) < Decimal("1e-9")
    assert abs(books.node_hours(market="on_demand") - driver) < Decimal("1e-9")
    assert abs(books.node_hours(market="spot") - 3 * worker) < Decimal("1e-9")
    assert abs(books.dbus() - Decimal("0.69") * (driver + 3 * worker)) < Decimal("1e-9")
    assert not books.billing_now()


def test_what_runs_is_billed_now(workspace: Workspace) -> None:
    run_id = workspace.submit(on(runtime_engine="PHOTON"))
    (held,) = workspace.double.books.billing_now()
    assert (held.what, held.state, held.nodes, held.run_ids) == ("cluster", "PENDING", 0, (run_id,))
    workspace.double.clock.sleep(300)
    (held,) = workspace.double.books.billing_now()
    assert (held.state, held.nodes) == ("RUNNING", 3)
    assert workspace.double.books.spans(run_id)[0].dbu_per_hour == Decimal("0.69") * Decimal("2.9")


@pytest.mark.parametrize(
    ("attributes", "markets"),
    [
        (None, ["on_demand", "spot", "spot"]),
        ({"aws_attributes": {"availability": "ON_DEMAND"}}, ["on_demand"] * 3),
        ({"aws_attributes": {"availability": "SPOT", "first_on_demand": 0}}, ["spot"] * 3),
        ({"aws_attributes": {"availability": "SPOT", "first_on_demand": 2}}, ["on_demand", "on_demand", "spot"]),
        (
            {"azure_attributes": {"availability": "SPOT_WITH_FALLBACK_AZURE", "first_on_demand": 1}},
            ["on_demand", "spot", "spot"],
        ),
        ({"gcp_attributes": {"availability": "PREEMPTIBLE_GCP"}}, ["spot"] * 3),
        ({"gcp_attributes": {"availability": "ON_DEMAND_GCP"}}, ["on_demand"] * 3),
    ],
)
def test_machines_are_bought_as_the_cloud_is_told(
    workspace: Workspace, attributes: dict[str, Any] | None, markets: list[str]
) -> None:
    run_id = workspace.submit(on(**(attributes or {})))
    workspace.double.clock.sleep(300)
    assert [market for _, market, _ in machines(workspace, run_id)] == markets


def test_autoscale_adds_workers_under_load(workspace: Workspace) -> None:
    spec = {k: v for k, v in CLUSTER.items() if k != "num_workers"}
    run_id = workspace.submit(task(new_cluster={**spec, "autoscale": {"min_workers": 1, "max_workers": 4}}))
    workspace.double.clock.sleep(290)
    assert len(workspace.double.books.spans(run_id)) == 2
    workspace.final(run_id)
    resizing = next(event for event in workspace.events(run_id) if event["type"] == "RESIZING")
    assert (resizing["details"]["current_num_workers"], resizing["details"]["target_num_workers"]) == (1, 4)
    assert kinds(workspace, run_id).count("UPSIZE_COMPLETED") == 2
    assert len(workspace.double.books.spans(run_id)) == 5


@pytest.mark.parametrize(
    ("trouble", "attributes", "code", "kind"),
    [
        (RunTrouble.WORKSPACE_FULL, {}, "WORKSPACE_RUN_LIMIT_EXCEEDED", "CLIENT_ERROR"),
        (RunTrouble.REQUEST_LIMIT, {}, "CLUSTER_REQUEST_LIMIT_EXCEEDED", "CLIENT_ERROR"),
        (RunTrouble.NO_CAPACITY, {}, "CLOUD_FAILURE", "CLOUD_FAILURE"),
        (RunTrouble.NO_SPOT, {"availability": "SPOT"}, "CLOUD_FAILURE", "CLOUD_FAILURE"),
        (RunTrouble.NO_SPOT, {"availability": "SPOT_WITH_FALLBACK"}, "SUCCESS", "SUCCESS"),
        (RunTrouble.INIT_SCRIPT, {}, "CLUSTER_ERROR", "CLIENT_ERROR"),
        (RunTrouble.LIBRARY, {}, "LIBRARY_INSTALLATION_ERROR", "CLIENT_ERROR"),
        (RunTrouble.NODES_LOST, {}, "SUCCESS", "SUCCESS"),
        (RunTrouble.DRIVER_LOST, {"availability": "SPOT", "first_on_demand": 0}, "CLOUD_FAILURE", "CLOUD_FAILURE"),
        (RunTrouble.CLUSTER_GONE, {}, "CLUSTER_ERROR", "CLIENT_ERROR"),
        (RunTrouble.ENDS_AS, {}, "STORAGE_ACCESS_ERROR", "CLIENT_ERROR"),
    ],
)
def test_a_run_in_trouble_ends_as_the_vendor_says_and_gives_everything_back(
    trouble: RunTrouble, attributes: dict[str, Any], code: str, kind: str
) -> None:
    fault = RunFault(trouble=trouble, at_s=60, code="STORAGE_ACCESS_ERROR")
    with DatabricksDouble(faults=Faults(runs=(fault,))) as double:
        workspace = open_workspace(double)
        run = workspace.final(workspace.submit(on(aws_attributes={**FALLBACK, **attributes})))
        details = run["status"]["termination_details"]
        assert (details["code"], details["type"]) == (code, kind)
        assert run["state"]["result_state"] == ("SUCCESS" if code == "SUCCESS" else "FAILED")
        double.clock.sleep(60)
        assert not double.books.billing_now()
        assert workspace.final(workspace.submit())["state"]["result_state"] == "SUCCESS"


def test_lost_workers_are_told_and_replaced_on_demand_where_the_cluster_may_fall_back() -> None:
    fault = RunFault(trouble=RunTrouble.NODES_LOST, at_s=100, workers=1)
    with DatabricksDouble(faults=Faults(runs=(fault,))) as double:
        workspace = open_workspace(double)
        run_id = workspace.submit(on(aws_attributes=FALLBACK))
        workspace.final(run_id)
        lost = next(event for event in workspace.events(run_id) if event["type"] == "NODES_LOST")
        assert (lost["details"]["current_num_workers"], lost["details"]["target_num_workers"]) == (1, 2)
        assert lost["details"]["reason"]["code"] == "SPOT_INSTANCE_TERMINATION"
        assert sorted(market for driver, market, _ in machines(workspace, run_id) if not driver) == [
            "on_demand",
            "spot",
            "spot",
        ]


def test_a_lost_driver_is_told_before_the_end() -> None:
    with DatabricksDouble(faults=Faults(runs=(RunFault(trouble=RunTrouble.DRIVER_LOST, at_s=100),))) as double:
        workspace = open_workspace(double)
        run_id = workspace.submit(on(aws_attributes={"availability": "SPOT", "first_on_demand": 0}))
        run = workspace.final(run_id)
        assert kinds(workspace, run_id)[-2:] == ["DRIVER_UNAVAILABLE", "TERMINATING"]
        assert "SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE)" in run["tasks"][0]["state"]["state_message"]


def test_a_person_ends_a_cluster_below_its_run(workspace: Workspace) -> None:
    cluster_id = workspace.double.add_cluster(**CLUSTER)
    run_id = workspace.submit(task(existing_cluster_id=cluster_id))
    workspace.double.clock.sleep(300)
    workspace.client.clusters.permanent_delete(cluster_id)
    run = workspace.final(run_id)
    assert run["status"]["termination_details"]["code"] == "CLUSTER_TERMINATED_BY_USER"
    with pytest.raises(ResourceDoesNotExist, match="does not exist"):
        workspace.client.clusters.get(cluster_id)


def test_an_existing_cluster_outlives_its_runs_and_is_started_for_them(workspace: Workspace) -> None:
    cluster_id = workspace.double.add_cluster(**CLUSTER)
    workspace.double.clock.sleep(300)
    first = workspace.submit(task(existing_cluster_id=cluster_id))
    workspace.double.clock.sleep(1)
    assert workspace.run(first)["status"]["state"] == "RUNNING"
    workspace.final(first)
    assert workspace.client.clusters.get(cluster_id).state is compute.State.RUNNING
    workspace.client.clusters.delete(cluster_id)
    workspace.double.clock.sleep(60)
    assert workspace.client.clusters.get(cluster_id).state is compute.State.TERMINATED
    second = workspace.submit(task(existing_cluster_id=cluster_id))
    assert workspace.final(second)["setup_duration"] == 240_000
    assert [event["type"] for event in workspace.events(second)].count("STARTING") == 1
    assert [held.id for held in workspace.double.books.billing_now()] == [cluster_id]


def test_a_cluster_that_is_being_ended_is_started_again_for_a_run(workspace: Workspace) -> None:
    cluster_id = workspace.double.add_cluster(**CLUSTER)
    workspace.double.clock.sleep(300)
    workspace.client.clusters.delete(cluster_id)
    run = workspace.final(workspace.submit(task(existing_cluster_id=cluster_id)))
    assert (run["state"]["result_state"], run["setup_duration"]) == ("SUCCESS", 270_000)
    workspace.client.clusters.permanent_delete(cluster_id)
    answer = workspace.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [task(existing_cluster_id=cluster_id)]})
    assert "does not exist" in answer.json()["message"]


def test_a_pool_gives_its_machines_and_is_full_when_it_is(workspace: Workspace) -> None:
    market = {"aws_attributes": {"availability": "SPOT"}}
    workspace.double.add_pool(
        "pool-1", instance_pool_name="idle", node_type_id="i3.xlarge", min_idle_instances=4, max_capacity=4, **market
    )
    spec = {"spark_version": CLUSTER["spark_version"], "instance_pool_id": "pool-1", "num_workers": 2}
    run_id = workspace.submit(task(new_cluster=spec))
    workspace.double.clock.sleep(120)
    assert workspace.run(run_id)["status"]["state"] == "RUNNING"
    assert {(s.node_type, s.pool_id) for s in workspace.double.books.spans(run_id)} == {("i3.xlarge", "pool-1")}
    pool = workspace.client.instance_pools.get("pool-1")
    assert pool.stats is not None
    assert pool.stats.used_count == 3
    assert [p.instance_pool_id for p in workspace.client.instance_pools.list()] == ["pool-1"]
    crowded = workspace.final(workspace.submit(task(new_cluster=spec)), step_s=5)
    assert "INSTANCE_POOL_MAX_CAPACITY_REACHED" in crowded["tasks"][0]["state"]["state_message"]
    with pytest.raises(ResourceDoesNotExist):
        workspace.client.instance_pools.get("pool-2")
    for wrong in ({**spec, "node_type_id": "m5.xlarge"}, {**spec, "instance_pool_id": "pool-2"}):
        answer = workspace.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [task(new_cluster=wrong)]})
        assert answer.status_code == 400


def test_a_policy_refuses_what_it_does_not_allow(workspace: Workspace) -> None:
    definition = {
        "node_type_id": {"type": "allowlist", "values": ["m5.xlarge", "m5.2xlarge"]},
        "custom_tags.team": {"type": "fixed", "value": "web"},
        "num_workers": {"type": "range", "maxValue": 4},
        "instance_pool_id": {"type": "forbidden"},
    }
    workspace.double.add_policy("policy-1", definition)
    assert workspace.client.cluster_policies.get("policy-1").name == "policy-1"
    fits = {"policy_id": "policy-1", "custom_tags": {"team": "web"}}
    workspace.submit(on(**fits))
    for wrong, said in (
        ({"node_type_id": "i3.xlarge"}, "node_type_id"),
        ({"custom_tags": {"team": "sales"}}, "custom_tags.team"),
        ({"num_workers": 5}, "num_workers"),
        ({"policy_id": "policy-2"}, "policy-2 does not exist"),
    ):
        answer = workspace.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [on(**{**fits, **wrong})]})
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
        assert said in answer.json()["message"]


def test_serverless_has_no_cluster_and_starts_soon(workspace: Workspace) -> None:
    environments = [{"environment_key": "e", "spec": {"environment_version": "4"}}]
    run_id = workspace.submit(task(environment_key="e"), environments=environments)
    workspace.double.clock.sleep(15)
    run = workspace.run(run_id)
    assert run["status"]["state"] == "RUNNING"
    assert "cluster_instance" not in run["tasks"][0]
    (held,) = workspace.double.books.billing_now()
    assert (held.what, held.run_ids) == ("serverless", (run_id,))
    workspace.final(run_id)
    assert abs(workspace.double.books.dbus(run_id) - 2 * Decimal(602) / 3600) < Decimal("1e-9")
    wheel = task(environment_key="e", libraries=[{"whl": "/Volumes/main/default/jobs/x.whl"}])
    answer = workspace.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [wheel], "environments": environments})
    assert "not supported for serverless" in answer.json()["message"]


def test_events_come_in_pages_in_either_order() -> None:
    with DatabricksDouble(limits=Limits(events=2)) as double:
        workspace = open_workspace(double)
        run = workspace.final(workspace.submit())
        cluster_id = run["tasks"][0]["cluster_instance"]["cluster_id"]
        newest = [event.type for event in workspace.client.clusters.events(cluster_id)]
        assert [kind.value for kind in newest if kind][:2] == ["TERMINATING", "UPSIZE_COMPLETED"]
        ascending = workspace.client.clusters.events(cluster_id, order=compute.GetEventsOrder.ASC)
        assert [event.type for event in ascending] == newest[::-1]
        only = workspace.client.clusters.events(cluster_id, event_types=[compute.EventType.RUNNING])
        assert len(list(only)) == 1
        with pytest.raises(InvalidParameterValue):
            list(workspace.client.clusters.events("0101-000000-gone"))


def test_the_catalogue_is_told(workspace: Workspace) -> None:
    types = {kind.node_type_id: kind for kind in workspace.client.clusters.list_node_types().node_types or ()}
    assert (types["m5.xlarge"].num_cores, types["m5.xlarge"].memory_mb) == (4, 16 * 1024)
    keys = {version.key for version in workspace.client.clusters.spark_versions().versions or ()}
    assert "15.4.x-scala2.12" in keys
    workspace.submit()
    assert [c.cluster_source for c in workspace.client.clusters.list()] == [compute.ClusterSource.JOB]
