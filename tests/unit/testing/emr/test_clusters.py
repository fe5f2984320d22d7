from datetime import timedelta

import pytest
from tests.unit.testing.emr.asking import cluster, fleet, history, run, started, state, status, step, step_states

from engineshed.testing.emr import ClusterFault, ClusterTrouble, EmrDouble, Faults, Pace, Script
from engineshed.testing.emr.refusals import Refusal


def test_a_transient_cluster_lives_as_long_as_its_steps():
    # 75 s for machines, 60 s to boot, 150 s for software, 60 s of step, 5 s after it, 90 s to end.
    with EmrDouble(scripts=Script(lasts_s=60)) as double:
        cluster_id = run(double, cluster(steps=[step()]))
        assert history(double, cluster_id, until_s=600) == [
            (0, "STARTING"),
            (135, "BOOTSTRAPPING"),
            (285, "RUNNING"),
            (350, "TERMINATING"),
            (440, "TERMINATED"),
        ]
        end = status(double, cluster_id)
        assert end["StateChangeReason"] == {"Code": "ALL_STEPS_COMPLETED", "Message": "Steps completed"}
        line = end["Timeline"]
        assert line["ReadyDateTime"] - line["CreationDateTime"] == timedelta(seconds=285)
        assert line["EndDateTime"] - line["CreationDateTime"] == timedelta(seconds=440)


def test_one_look_after_an_hour_finds_the_history_that_many_looks_find():
    with EmrDouble() as seldom, EmrDouble() as often:
        one, other = run(seldom, cluster(steps=[step()])), run(often, cluster(steps=[step()]))
        history(often, other, until_s=600, step_s=2)
        seldom.clock.sleep(3600)
        assert status(seldom, one)["Timeline"] == status(often, other)["Timeline"]


def test_bootstrap_actions_take_their_time():
    actions = [{"Name": "install", "ScriptBootstrapAction": {"Path": "s3://jobs/install.sh", "Args": ["7"]}}]
    with EmrDouble(pace=Pace(bootstrap_action_s=100)) as double:
        cluster_id = run(double, cluster(steps=[step()], BootstrapActions=actions))
        assert (385, "RUNNING") in history(double, cluster_id, until_s=400)
        listed = double.call("ListBootstrapActions", ClusterId=cluster_id)["BootstrapActions"]
        assert listed == [{"Name": "install", "ScriptPath": "s3://jobs/install.sh", "Args": ["7"]}]


def test_a_kept_cluster_waits_until_it_is_ended():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True, steps=[step()]))
        double.clock.sleep(24 * 3600)
        assert state(double, cluster_id) == "WAITING"
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        assert state(double, cluster_id) == "TERMINATING"
        double.clock.sleep(90)
        assert status(double, cluster_id)["State"] == "TERMINATED"
        assert status(double, cluster_id)["StateChangeReason"]["Code"] == "USER_REQUEST"


def test_each_run_job_flow_is_another_cluster():
    with EmrDouble() as double:
        body = cluster(steps=[step()])
        assert run(double, body) != run(double, body)
        assert [found.name for found in double.submissions] == ["nightly", "nightly"]


def test_an_idle_cluster_ends_by_its_auto_termination_policy():
    with EmrDouble(scripts=Script(lasts_s=900)) as double:
        policy = {"IdleTimeout": 600}
        cluster_id = started(double, cluster(keep=True, steps=[step()], AutoTerminationPolicy=policy))
        double.clock.sleep(900)
        assert state(double, cluster_id) == "WAITING"
        double.clock.sleep(590)
        assert state(double, cluster_id) == "WAITING"
        double.clock.sleep(80)
        assert state(double, cluster_id) == "TERMINATING"


def test_a_new_step_ends_idleness():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True, AutoTerminationPolicy={"IdleTimeout": 600}))
        double.clock.sleep(550)
        double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step()])
        double.clock.sleep(600)
        assert state(double, cluster_id) == "WAITING"


def test_an_auto_termination_policy_can_come_later_and_go_again():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True))
        assert double.call("GetAutoTerminationPolicy", ClusterId=cluster_id) == {}
        double.call("PutAutoTerminationPolicy", ClusterId=cluster_id, AutoTerminationPolicy={"IdleTimeout": 900})
        found = double.call("GetAutoTerminationPolicy", ClusterId=cluster_id)
        assert found == {"AutoTerminationPolicy": {"IdleTimeout": 900}}
        double.call("RemoveAutoTerminationPolicy", ClusterId=cluster_id)
        double.clock.sleep(3600)
        assert state(double, cluster_id) == "WAITING"


def test_a_protected_cluster_is_not_terminated_and_takes_the_others_with_it():
    with EmrDouble() as double:
        safe, other = started(double, cluster(keep=True, protected=True)), started(double, cluster(keep=True))
        with pytest.raises(Refusal, match="termination protected"):
            double.call("TerminateJobFlows", JobFlowIds=[other, safe])
        assert state(double, other) == "WAITING"
        double.call("SetTerminationProtection", JobFlowIds=[safe], TerminationProtected=False)
        double.call("TerminateJobFlows", JobFlowIds=[other, safe])
        assert {state(double, safe), state(double, other)} == {"TERMINATING"}


def test_a_cluster_that_need_not_be_kept_any_more_ends_when_it_is_idle():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True))
        double.call("SetKeepJobFlowAliveWhenNoSteps", JobFlowIds=[cluster_id], KeepJobFlowAliveWhenNoSteps=False)
        assert state(double, cluster_id) == "TERMINATING"


def test_terminating_twice_changes_nothing():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True))
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        double.clock.sleep(60)
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        double.clock.sleep(30)
        assert state(double, cluster_id) == "TERMINATED"


def test_an_ended_cluster_is_known_for_two_months():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(steps=[step()]))
        double.clock.sleep(59 * 24 * 3600)
        assert state(double, cluster_id) == "TERMINATED"
        double.clock.sleep(2 * 24 * 3600)
        with pytest.raises(Refusal, match=f"Cluster id '{cluster_id}' is not valid"):
            double.call("DescribeCluster", ClusterId=cluster_id)
        assert double.call("ListClusters")["Clusters"] == []


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [
        (ClusterFault(trouble=ClusterTrouble.INTERNAL, at_s=30), "INTERNAL_ERROR", None),
        (ClusterFault(trouble=ClusterTrouble.VALIDATION, at_s=30), "VALIDATION_ERROR", None),
        (
            ClusterFault(trouble=ClusterTrouble.VALIDATION, detail="VALIDATION_ERROR_SUBNET_NOT_FROM_ONE_VPC"),
            "VALIDATION_ERROR",
            "VALIDATION_ERROR_SUBNET_NOT_FROM_ONE_VPC",
        ),
        (
            ClusterFault(trouble=ClusterTrouble.BOOTSTRAP),
            "BOOTSTRAP_FAILURE",
            "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE",
        ),
        (ClusterFault(trouble=ClusterTrouble.MASTER_LOST, at_s=10), "INSTANCE_FAILURE", None),
    ],
    ids=lambda value: value.trouble if isinstance(value, ClusterFault) else "",
)
def test_a_broken_cluster_ends_with_errors_and_is_billed_no_more(fault, code, detail):
    with EmrDouble(faults=Faults(clusters=(fault,))) as double:
        broken, well = run(double, cluster(steps=[step()])), run(double, cluster(steps=[step()]))
        double.clock.sleep(3600)
        end = status(double, broken)
        assert (end["State"], end["StateChangeReason"]["Code"]) == ("TERMINATED_WITH_ERRORS", code)
        assert [found["ErrorCode"] for found in end.get("ErrorDetails", ())] == ([detail] if detail else [])
        assert step_states(double, broken)[0] in ("CANCELLED", "INTERRUPTED")
        assert state(double, well) == "TERMINATED"
        assert double.billing_now() == []


def test_a_cluster_that_someone_ends_says_user_request():
    with EmrDouble(faults=Faults(clusters=(ClusterFault(trouble=ClusterTrouble.ENDED_BY_PERSON, at_s=300),))) as double:
        cluster_id = run(double, cluster(steps=[step()]))
        double.clock.sleep(600)
        assert status(double, cluster_id)["StateChangeReason"]["Code"] == "USER_REQUEST"
        assert step_states(double, cluster_id) == ["CANCELLED"]


def test_a_forgotten_cluster_is_unknown_and_yet_billed_until_it_ends():
    fault = ClusterFault(trouble=ClusterTrouble.FORGOTTEN, at_s=300)
    with EmrDouble(faults=Faults(clusters=(fault,))) as double:
        cluster_id = run(double, cluster(keep=True))
        double.clock.sleep(310)
        with pytest.raises(Refusal, match="is not valid"):
            double.call("DescribeCluster", ClusterId=cluster_id)
        assert len(double.billing_now()) == 3
        double.clock.sleep(90)
        assert double.billing_now() == []


def test_describe_gives_back_what_was_asked_for():
    asked = cluster(
        fleet("CORE", on_demand=1),
        steps=[step()],
        LogUri="s3://logs/emr",
        Tags=[{"Key": "team", "Value": "graph"}],
        Applications=[{"Name": "Spark"}],
        Configurations=[{"Classification": "spark-defaults", "Properties": {"spark.x": "1"}}],
        AutoTerminationPolicy={"IdleTimeout": 180},
        StepConcurrencyLevel=3,
        CustomAmiId="ami-1",
        SecurityConfiguration="sealed",
    )
    asked["Instances"] |= {
        "Ec2SubnetIds": ["subnet-1", "subnet-2"],
        "EmrManagedMasterSecurityGroup": "sg-1",
        "EmrManagedSlaveSecurityGroup": "sg-2",
        "ServiceAccessSecurityGroup": "sg-3",
    }
    with EmrDouble() as double:
        cluster_id = run(double, asked)
        found = double.call("DescribeCluster", ClusterId=cluster_id)["Cluster"]
        assert found["Tags"] == asked["Tags"]
        assert found["Configurations"] == asked["Configurations"]
        # EMR turns s3 into s3n and ends it with a slash.
        assert found["LogUri"] == "s3n://logs/emr/"
        assert (found["StepConcurrencyLevel"], found["AutoTerminate"]) == (3, True)
        assert (found["CustomAmiId"], found["SecurityConfiguration"]) == ("ami-1", "sealed")
        assert found["Ec2InstanceAttributes"] == {
            "EmrManagedMasterSecurityGroup": "sg-1",
            "EmrManagedSlaveSecurityGroup": "sg-2",
            "ServiceAccessSecurityGroup": "sg-3",
            "Ec2SubnetId": "subnet-1",
            "RequestedEc2SubnetIds": ["subnet-1", "subnet-2"],
            "Ec2AvailabilityZone": "us-east-1a",
            "RequestedEc2AvailabilityZones": [],
            "IamInstanceProfile": "profile",
        }


def test_tags_are_added_replaced_and_removed():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]))
        double.call("AddTags", ResourceId=cluster_id, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c"}])
        double.call("RemoveTags", ResourceId=cluster_id, TagKeys=["a", "unknown"])
        found = double.call("DescribeCluster", ClusterId=cluster_id)["Cluster"]["Tags"]
        assert found == [{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}]
