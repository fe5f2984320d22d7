import pytest
from tests.unit.testing.emr.asking import MASTER, cluster, fleet, run, spot_timeout, step

from engineshed.testing.emr import EmrDouble
from engineshed.testing.emr.refusals import Refusal


def without(name):
    body = cluster()
    del body[name]
    return body


def instances(**more):
    body = cluster()
    body["Instances"] |= more
    return body


def scaling(**limits):
    given = {"UnitType": "InstanceFleetUnits", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 4, **limits}
    return cluster(ManagedScalingPolicy={"ComputeLimits": given})


GROUP = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
LONG = [step("long", *["x" * 1000 for _ in range(11)])]

WRONG = {
    "no instance profile": (without("JobFlowRole"), "InstanceProfile is required"),
    "no service role": (without("ServiceRole"), "ServiceRole is required"),
    "no name": (without("Name"), "Value at 'name' failed to satisfy constraint: Member must not be null"),
    "a name with a backtick": (cluster(Name="`date`"), "is not valid"),
    "a release that is not there": (cluster(ReleaseLabel="emr-7.99.0"), "release label is invalid: emr-7.99.0"),
    "fleets and groups": (instances(InstanceGroups=[GROUP]), "Exactly one of"),
    "two masters": (cluster(MASTER), "needs one master"),
    "two core fleets": (cluster(fleet("CORE", on_demand=1), fleet("CORE", spot=1)), "at most one instance fleet"),
    "an unsupported type": (
        cluster(fleet("CORE", on_demand=1, types=[{"InstanceType": "t2.micro"}])),
        "'t2.micro' is not",
    ),
    "no types": (instances(InstanceFleets=[MASTER, {"InstanceFleetType": "CORE"}]), "has no instance types"),
    "no units": (cluster(fleet("CORE")), "greater than zero"),
    "six types": (
        cluster(fleet("CORE", on_demand=1, types=[{"InstanceType": "m5.xlarge"} for _ in range(6)])),
        "too many instance types",
    ),
    "two masters in one fleet": (
        instances(InstanceFleets=[{**MASTER, "TargetOnDemandCapacity": 2}]),
        "target capacity of one",
    ),
    "a fleet of no kind": (
        cluster(fleet("BOSS", on_demand=1)),
        "Value 'BOSS' at 'instances.instanceFleets.2.member.instanceFleetType' failed to satisfy constraint: "
        "Member must satisfy enum value set",
    ),
    "a short spot timeout": (
        cluster(fleet("CORE", spot=1, LaunchSpecifications=spot_timeout("SWITCH_TO_ON_DEMAND", minutes=4))),
        "between 5 and 1440",
    ),
    "two ways of subnets": (instances(Ec2SubnetId="subnet-1", Ec2SubnetIds=["subnet-2"]), "Only one of Ec2SubnetId"),
    "half of the groups": (instances(EmrManagedMasterSecurityGroup="sg-1"), "must be given together"),
    "too many steps at once": (cluster(StepConcurrencyLevel=257), "between 1 and 256"),
    "a hasty idle timeout": (cluster(AutoTerminationPolicy={"IdleTimeout": 59}), "between 60 and 604800"),
    "limits the wrong way round": (scaling(MinimumCapacityUnits=5), "must not be greater"),
    "units of another collection": (scaling(UnitType="Instances"), "does not fit"),
    "more core than all": (scaling(MaximumCoreCapacityUnits=5), "MaximumCoreCapacityUnits must not"),
    "too many steps": (cluster(steps=[step() for _ in range(257)]), "Maximum number of steps"),
    "too long a command": (cluster(steps=LONG), "must not exceed 10240 characters"),
    "a tag of AWS's own": (cluster(Tags=[{"Key": "aws:team", "Value": "x"}]), "are reserved"),
    "a tag without a key": (cluster(Tags=[{"Value": "x"}]), "needs 1 to 128 characters"),
    "a member that is not there": (cluster(ClientToken="once"), "Unknown member 'ClientToken'"),
    "a number for a name": (cluster(Name=7), "must be a string"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_refused_and_starts_nothing(case):
    body, said = WRONG[case]
    with EmrDouble() as double:
        with pytest.raises(Refusal) as refused:
            run(double, body)
        assert said in refused.value.message
        assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
        assert double.submissions == []


def test_thirty_types_are_allowed_with_an_allocation_strategy():
    types = [
        {"InstanceType": name}
        for name in ("m5.xlarge", "m5a.xlarge", "m6i.xlarge", "r5.xlarge", "c5.xlarge", "m6a.xlarge")
    ]
    spec = spot_timeout("SWITCH_TO_ON_DEMAND")
    spec["SpotSpecification"]["AllocationStrategy"] = "capacity-optimized"
    with EmrDouble() as double:
        run(double, cluster(fleet("CORE", spot=1, types=types, LaunchSpecifications=spec)))
        assert len(double.submissions) == 1


def test_steps_with_consequences_do_not_fit_a_cluster_that_runs_several():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(keep=True, StepConcurrencyLevel=2))
        with pytest.raises(Refusal, match="ActionOnFailure 'TERMINATE_CLUSTER' is not valid"):
            double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step(action="TERMINATE_CLUSTER")])


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "said"),
    [
        ("DescribeCluster", {"ClusterId": "j-0"}, "InvalidRequestException", "Cluster id 'j-0' is not valid."),
        ("ListSteps", {"ClusterId": "j-0"}, "InvalidRequestException", "Cluster id 'j-0' is not valid."),
        ("AddTags", {"ResourceId": "j-0", "Tags": []}, "InvalidRequestException", "Cluster id 'j-0' is not valid."),
        (
            "AddJobFlowSteps",
            {"JobFlowId": "j-0", "Steps": []},
            "ValidationException",
            "Specified job flow ID does not exist.",
        ),
        ("TerminateJobFlows", {"JobFlowIds": ["j-0"]}, "ValidationException", "Specified job flow ID does not exist."),
        ("CreateStudio", {}, "UnknownOperationException", "The operation 'CreateStudio' is not known."),
    ],
)
def test_each_generation_of_operations_has_its_own_words(operation, parameters, code, said):
    with EmrDouble() as double:
        with pytest.raises(Refusal) as refused:
            double.call(operation, **parameters)
        assert (refused.value.code, refused.value.message) == (code, said)


def test_an_unknown_step_is_named():
    with EmrDouble() as double:
        cluster_id = run(double, cluster())
        with pytest.raises(Refusal, match="Step id 's-0' is not valid"):
            double.call("DescribeStep", ClusterId=cluster_id, StepId="s-0")


def test_at_most_ten_clusters_are_ended_at_once():
    with EmrDouble() as double:
        ids = [run(double, cluster()) for _ in range(11)]
        with pytest.raises(Refusal, match="At most 10"):
            double.call("TerminateJobFlows", JobFlowIds=ids)
