"""The real boto3 over HTTP: its waiters, paginators, exceptions and repetitions."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.integration.emr.conftest import cluster, step

from engineshed.testing.emr import CallFault, CallTrouble, EmrDouble, Faults, Neighbours, furnish
from engineshed.testing.emr.neighbours import CREDENTIALS


def client(double: EmrDouble, attempts: int = 1) -> Any:
    """boto3's, which sends a request so many times."""
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
    return boto3.client("emr", endpoint_url=double.endpoint_url, region_name="us-east-1", config=config, **CREDENTIALS)


def test_a_life_over_http() -> None:
    with EmrDouble() as double:
        emr = client(double)
        answer = emr.run_job_flow(**cluster(step("one", "true")))
        assert answer["ClusterArn"].endswith(answer["JobFlowId"])
        double.clock.sleep(3600)
        found = emr.describe_cluster(ClusterId=answer["JobFlowId"])["Cluster"]
        assert found["Status"]["State"] == "TERMINATED"
        assert found["Status"]["Timeline"]["CreationDateTime"].timestamp() == double.calls[0].at.timestamp()
        assert emr.terminate_job_flows(JobFlowIds=[answer["JobFlowId"]])["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_waiters_find_what_they_wait_for() -> None:
    with EmrDouble() as double:
        emr = client(double)
        cluster_id = emr.run_job_flow(**cluster(step("one", "true"), keep=True))["JobFlowId"]
        double.clock.sleep(600)
        emr.get_waiter("cluster_running").wait(ClusterId=cluster_id)
        (found,) = emr.list_steps(ClusterId=cluster_id)["Steps"]
        emr.get_waiter("step_complete").wait(ClusterId=cluster_id, StepId=found["Id"])
        emr.terminate_job_flows(JobFlowIds=[cluster_id])
        double.clock.sleep(600)
        emr.get_waiter("cluster_terminated").wait(ClusterId=cluster_id)


def test_paginators_walk_all_pages() -> None:
    with EmrDouble(page_size=2) as double:
        emr = client(double)
        for number in range(5):
            emr.run_job_flow(**{**cluster(), "Name": f"n{number}"})
        pages = list(emr.get_paginator("list_clusters").paginate())
        assert [len(page["Clusters"]) for page in pages] == [2, 2, 1]
        assert [c["Name"] for page in pages for c in page["Clusters"]] == ["n4", "n3", "n2", "n1", "n0"]


def test_errors_are_the_clients_own_exceptions() -> None:
    with EmrDouble() as double:
        emr = client(double)
        with pytest.raises(emr.exceptions.InvalidRequestException, match="Cluster id 'j-0' is not valid"):
            emr.describe_cluster(ClusterId="j-0")
        with pytest.raises(ClientError) as refused:
            emr.run_job_flow(**{**cluster(), "ReleaseLabel": "emr-0.0.0"})
        assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_boto3_repeats_what_is_throttled_and_each_repetition_counts() -> None:
    with EmrDouble(faults=Faults(calls=(CallFault(trouble=CallTrouble.THROTTLED, times=2),))) as double:
        assert client(double, attempts=3).list_clusters()["Clusters"] == []
        assert [call.outcome for call in double.calls] == ["ThrottlingException", "ThrottlingException", "ok"]


def test_a_reply_that_is_lost_leaves_a_cluster_behind() -> None:
    with EmrDouble(faults=Faults(calls=(CallFault(trouble=CallTrouble.LOST_REPLY, on="RunJobFlow"),))) as double:
        with pytest.raises(ConnectionClosedError):
            client(double).run_job_flow(**cluster())
        assert len(double.submissions) == 1


def test_boto3_that_repeats_a_lost_submit_starts_two_clusters() -> None:
    """EMR has no client token: whoever lets the SDK repeat RunJobFlow pays twice."""
    with EmrDouble(faults=Faults(calls=(CallFault(trouble=CallTrouble.LOST_REPLY, on="RunJobFlow"),))) as double:
        client(double, attempts=3).run_job_flow(**cluster())
        assert len(double.submissions) == 2


def test_one_address_is_enough_for_all_services(neighbours: Neighbours) -> None:
    with EmrDouble(neighbours=neighbours) as double:
        s3 = double.client("s3")
        s3.put_object(Bucket="jobs", Key="forwarded/a b.txt", Body=b"x" * 100_000)
        assert s3.head_object(Bucket="jobs", Key="forwarded/a b.txt")["ContentLength"] == 100_000
        assert s3.get_object(Bucket="jobs", Key="forwarded/a b.txt")["Body"].read() == b"x" * 100_000
        with pytest.raises(ClientError) as missing:
            s3.get_object(Bucket="jobs", Key="forwarded/nothing")
        assert missing.value.response["Error"]["Code"] == "NoSuchKey"
        assert double.client("emr").list_clusters()["Clusters"] == []


def test_a_double_without_neighbours_says_so() -> None:
    with EmrDouble() as double, pytest.raises(ClientError) as refused:
        double.client("s3").list_buckets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_premises_are_there_for_whoever_looks(neighbours: Neighbours) -> None:
    found = furnish(neighbours)
    ec2, iam = neighbours.client("ec2"), neighbours.client("iam")
    groups = [found.master_group, found.worker_group, found.service_group]
    subnets = ec2.describe_subnets(SubnetIds=[found.public_subnet, found.private_subnet])["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {found.vpc}
    assert {g["VpcId"] for g in ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]} == {found.vpc}
    assert ec2.describe_images(ImageIds=[found.image])["Images"][0]["Architecture"] == "x86_64"
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [found.vpc]}])["VpcEndpoints"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [found.private_subnet]}])
    assert endpoint["RouteTableIds"] == [tables["RouteTables"][0]["RouteTableId"]]
    profile = iam.get_instance_profile(InstanceProfileName=found.instance_profile)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [found.instance_profile]
    with EmrDouble(neighbours=neighbours) as double:
        body = cluster()
        body["Instances"] |= found.instances()
        double.client().run_job_flow(**body)
