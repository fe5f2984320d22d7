from datetime import timedelta

import pytest
from tests.unit.testing.emr.asking import (
    MASTER,
    cluster,
    fleet,
    machines,
    run,
    spot_timeout,
    started,
    state,
    status,
    step,
    step_states,
)

from engineshed.testing.emr import ClusterFault, ClusterTrouble, EmrDouble, Faults, Pace, Script


def kinds(double, cluster_id, **more):
    """(type, market) of each live machine."""
    found = machines(double, cluster_id, InstanceStates=["PROVISIONING", "BOOTSTRAPPING", "RUNNING"], **more)
    return sorted((m["InstanceType"], m["Market"]) for m in found)


def no_capacity(**more):
    return Faults(clusters=(ClusterFault(trouble=ClusterTrouble.NO_CAPACITY, **more),))


def test_machines_come_boot_work_and_end_with_the_cluster():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(steps=[step()]))
        assert machines(double, cluster_id) == []
        double.clock.sleep(80)
        assert {m["Status"]["State"] for m in machines(double, cluster_id)} == {"PROVISIONING"}
        double.clock.sleep(60)
        assert {m["Status"]["State"] for m in machines(double, cluster_id)} == {"BOOTSTRAPPING"}
        double.clock.sleep(150)
        assert {m["Status"]["State"] for m in machines(double, cluster_id)} == {"RUNNING"}
        double.clock.sleep(600)
        for found in machines(double, cluster_id):
            line = found["Status"]["Timeline"]
            assert found["Status"]["State"] == "TERMINATED"
            assert found["Status"]["StateChangeReason"]["Code"] == "CLUSTER_TERMINATED"
            assert line["ReadyDateTime"] - line["CreationDateTime"] == timedelta(seconds=210)
            assert line["EndDateTime"] - line["CreationDateTime"] == timedelta(seconds=365)


def test_weights_fill_the_target_and_may_exceed_it():
    types = [{"InstanceType": "m5.4xlarge", "WeightedCapacity": 3}]
    with EmrDouble() as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=7, types=types), keep=True))
        assert kinds(double, cluster_id, InstanceFleetType="CORE") == [("m5.4xlarge", "ON_DEMAND")] * 3
        core = double.call("ListInstanceFleets", ClusterId=cluster_id)["InstanceFleets"][1]
        assert (core["TargetOnDemandCapacity"], core["ProvisionedOnDemandCapacity"]) == (7, 9)


def test_the_first_type_by_priority_that_is_to_be_had_is_bought():
    types = [
        {"InstanceType": "m5.2xlarge", "Priority": 2.0},
        {"InstanceType": "m6g.2xlarge", "Priority": 1.0},
        {"InstanceType": "m5a.2xlarge", "Priority": 3.0},
    ]
    with EmrDouble(faults=no_capacity(types=("m6g.2xlarge",))) as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=1, types=types), keep=True))
        assert kinds(double, cluster_id, InstanceFleetType="CORE") == [("m5.2xlarge", "ON_DEMAND")]


def test_volumes_come_with_the_machine():
    ebs = {
        "EbsBlockDeviceConfigs": [
            {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 100}, "VolumesPerInstance": 2}
        ]
    }
    types = [{"InstanceType": "m5.2xlarge", "EbsConfiguration": ebs}]
    with EmrDouble() as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=1, types=types), keep=True))
        (core,) = machines(double, cluster_id, InstanceFleetType="CORE")
        assert [volume["Device"] for volume in core["EbsVolumes"]] == ["/dev/sdb", "/dev/sdc"]
        assert {billed.fleet: billed.ebs_gib for billed in double.bills} == {"MASTER": 0, "CORE": 200}


def test_without_spot_machines_on_demand_ones_come_after_the_timeout():
    core = fleet("CORE", spot=3, LaunchSpecifications=spot_timeout("SWITCH_TO_ON_DEMAND", minutes=10))
    with EmrDouble(faults=no_capacity(market="SPOT")) as double:
        cluster_id = run(double, cluster(core, keep=True))
        double.clock.sleep(595)
        assert (state(double, cluster_id), len(machines(double, cluster_id))) == ("STARTING", 1)
        double.clock.sleep(300)
        assert state(double, cluster_id) == "WAITING"
        assert kinds(double, cluster_id, InstanceFleetType="CORE") == [("m5.2xlarge", "ON_DEMAND")] * 3
        found = double.call("ListInstanceFleets", ClusterId=cluster_id)["InstanceFleets"][1]
        assert (found["TargetSpotCapacity"], found["ProvisionedSpotCapacity"]) == (3, 0)
        assert found["ProvisionedOnDemandCapacity"] == 3


def test_without_spot_machines_the_cluster_ends_at_the_timeout_when_it_shall():
    core = fleet("CORE", spot=3, LaunchSpecifications=spot_timeout("TERMINATE_CLUSTER", minutes=10))
    with EmrDouble(faults=no_capacity(market="SPOT")) as double:
        cluster_id = run(double, cluster(core, steps=[step()]))
        double.clock.sleep(1000)
        assert status(double, cluster_id)["State"] == "TERMINATED_WITH_ERRORS"
        assert status(double, cluster_id)["StateChangeReason"]["Code"] == "INSTANCE_FLEET_TIMEOUT"
        assert step_states(double, cluster_id) == ["CANCELLED"]


def test_a_shortage_that_passes_only_delays():
    core = fleet("CORE", spot=1, LaunchSpecifications=spot_timeout("TERMINATE_CLUSTER", minutes=10))
    with EmrDouble(faults=no_capacity(market="SPOT", lasting_s=400)) as double:
        cluster_id = run(double, cluster(core, keep=True))
        double.clock.sleep(600)
        assert state(double, cluster_id) != "STARTING"
        assert kinds(double, cluster_id, InstanceFleetType="CORE") == [("m5.2xlarge", "SPOT")]


@pytest.mark.parametrize(
    ("master", "detail"),
    [
        (MASTER, "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"),
        (
            {**MASTER, "TargetOnDemandCapacity": 0, "TargetSpotCapacity": 1},
            "INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY",
        ),
    ],
)
def test_without_any_machines_emr_gives_up_and_names_type_and_zone(master, detail):
    body = cluster(fleet("CORE", on_demand=1))
    body["Instances"]["InstanceFleets"][0] = master
    with EmrDouble(faults=no_capacity(types=("m5.xlarge",))) as double:
        cluster_id = run(double, body)
        double.clock.sleep(4000)
        end = status(double, cluster_id)
        assert end["StateChangeReason"]["Code"] == "INTERNAL_ERROR"
        (found,) = end["ErrorDetails"]
        assert found["ErrorCode"] == detail
        assert found["ErrorData"][0]["instance-type"] == "m5.xlarge"
        assert found["ErrorData"][0]["availability-zone"] == "us-east-1a"


def spot_loss(**more):
    return Faults(clusters=(ClusterFault(trouble=ClusterTrouble.SPOT_LOSS, at_s=100, **more),))


def test_a_lost_task_node_is_replaced_and_the_step_goes_on():
    fleets = [fleet("CORE", on_demand=1), fleet("TASK", spot=3)]
    with EmrDouble(faults=spot_loss(count=2), scripts=Script(lasts_s=2000)) as double:
        cluster_id = started(double, cluster(*fleets, steps=[step()]))
        double.clock.sleep(120)
        task = machines(double, cluster_id, InstanceFleetType="TASK")
        assert sorted(m["Status"]["State"] for m in task) == ["RUNNING", "TERMINATED", "TERMINATED"]
        assert {m["Status"]["StateChangeReason"].get("Code") for m in task} == {None, "INSTANCE_FAILURE"}
        double.clock.sleep(600)
        task = machines(double, cluster_id, InstanceFleetType="TASK", InstanceStates=["RUNNING"])
        assert len(task) == 3
        assert step_states(double, cluster_id) == ["RUNNING"]


def test_a_loss_can_break_the_step():
    fleets = [fleet("CORE", on_demand=1), fleet("TASK", spot=1)]
    with EmrDouble(faults=spot_loss(breaks_step=True), scripts=Script(lasts_s=2000)) as double:
        cluster_id = started(double, cluster(*fleets, keep=True, steps=[step()]))
        double.clock.sleep(120)
        assert step_states(double, cluster_id) == ["FAILED"]
        (found,) = double.call("ListSteps", ClusterId=cluster_id)["Steps"]
        assert "ExecutorLostFailure" in found["Status"]["FailureDetails"]["Message"]


def test_without_a_core_node_there_is_no_cluster():
    with EmrDouble(faults=spot_loss(count=0), scripts=Script(lasts_s=2000)) as double:
        cluster_id = started(double, cluster(fleet("CORE", spot=2), steps=[step()]))
        double.clock.sleep(300)
        end = status(double, cluster_id)
        assert (end["State"], end["StateChangeReason"]["Code"]) == ("TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE")
        assert step_states(double, cluster_id) == ["INTERRUPTED"]


SCALING = {"ComputeLimits": {"UnitType": "InstanceFleetUnits", "MinimumCapacityUnits": 2, "MaximumCapacityUnits": 6}}


def workers(double, cluster_id):
    return len([kind for kind in kinds(double, cluster_id) if kind[0] != "m5.xlarge"])


def test_managed_scaling_adds_machines_under_load_and_takes_them_back():
    fleets = [fleet("CORE", on_demand=1), fleet("TASK", spot=1)]
    pace = Pace(scale_s=60, provision_s=75)
    with EmrDouble(scripts=Script(lasts_s=1000), pace=pace) as double:
        cluster_id = started(double, cluster(*fleets, keep=True, steps=[step()], ManagedScalingPolicy=SCALING))
        assert workers(double, cluster_id) == 2
        double.clock.sleep(200)
        # The task fleet has spot units, so all that is added is spot.
        assert kinds(double, cluster_id, InstanceFleetType="TASK") == [("m5.2xlarge", "SPOT")] * 5
        double.clock.sleep(800)
        assert workers(double, cluster_id) == 6
        double.clock.sleep(120)
        assert workers(double, cluster_id) == 2
        ended = [m for m in machines(double, cluster_id) if m["Status"]["State"] == "TERMINATED"]
        assert len(ended) == 4


def test_managed_scaling_keeps_to_the_limits_of_core_and_on_demand_units():
    policy = {
        "ComputeLimits": SCALING["ComputeLimits"] | {"MaximumCoreCapacityUnits": 3, "MaximumOnDemandCapacityUnits": 2}
    }
    with EmrDouble(scripts=Script(lasts_s=1000)) as double:
        cluster_id = started(
            double, cluster(fleet("CORE", on_demand=1), keep=True, steps=[step()], ManagedScalingPolicy=policy)
        )
        double.clock.sleep(300)
        core = kinds(double, cluster_id, InstanceFleetType="CORE")
        assert core == [("m5.2xlarge", "ON_DEMAND")] * 2 + [("m5.2xlarge", "SPOT")]


def test_a_scaling_policy_can_come_later_and_go_again():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=4), keep=True))
        double.call("PutManagedScalingPolicy", ClusterId=cluster_id, ManagedScalingPolicy=SCALING)
        assert double.call("GetManagedScalingPolicy", ClusterId=cluster_id) == {"ManagedScalingPolicy": SCALING}
        double.clock.sleep(10)
        assert workers(double, cluster_id) == 2
        double.call("RemoveManagedScalingPolicy", ClusterId=cluster_id)
        assert double.call("GetManagedScalingPolicy", ClusterId=cluster_id) == {}


def test_a_fleet_is_resized_by_hand():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=2), keep=True))
        core = double.call("ListInstanceFleets", ClusterId=cluster_id)["InstanceFleets"][1]
        wanted = {"InstanceFleetId": core["Id"], "TargetOnDemandCapacity": 4, "TargetSpotCapacity": 0}
        double.call("ModifyInstanceFleet", ClusterId=cluster_id, InstanceFleet=wanted)
        found = double.call("ListInstanceFleets", ClusterId=cluster_id)["InstanceFleets"][1]
        assert found["Status"]["State"] == "RESIZING"
        double.clock.sleep(300)
        found = double.call("ListInstanceFleets", ClusterId=cluster_id)["InstanceFleets"][1]
        assert (found["Status"]["State"], workers(double, cluster_id)) == ("RUNNING", 4)


def test_groups_are_fleets_of_one_type():
    body = cluster(keep=True)
    body["Instances"] = {
        "KeepJobFlowAliveWhenNoSteps": True,
        "InstanceGroups": [
            {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
            {"InstanceRole": "CORE", "InstanceType": "r5.xlarge", "InstanceCount": 2, "Market": "SPOT"},
        ],
    }
    with EmrDouble() as double:
        cluster_id = started(double, body)
        assert kinds(double, cluster_id) == [("m5.xlarge", "ON_DEMAND"), ("r5.xlarge", "SPOT"), ("r5.xlarge", "SPOT")]
        core = double.call("ListInstanceGroups", ClusterId=cluster_id)["InstanceGroups"][1]
        assert (core["Market"], core["RequestedInstanceCount"], core["RunningInstanceCount"]) == ("SPOT", 2, 2)
        policy = {"ComputeLimits": {"UnitType": "VCPU", "MinimumCapacityUnits": 4, "MaximumCapacityUnits": 16}}
        double.call("PutManagedScalingPolicy", ClusterId=cluster_id, ManagedScalingPolicy=policy)
        double.clock.sleep(10)
        assert len(machines(double, cluster_id, InstanceGroupTypes=["CORE"], InstanceStates=["RUNNING"])) == 1
