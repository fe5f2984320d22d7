"""What EMR says of clusters, fleets, instances and steps: pure, from records to the members of botocore's output
shapes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engineshed.testing.emr.catalogue import normalized
from engineshed.testing.emr.records import ON_DEMAND, SPOT, Cluster, Fleet, Instance, Reason, Step, TypeChoice

Said = dict[str, Any]

_AS_ASKED = (
    "LogEncryptionKmsKeyId",
    "ReleaseLabel",
    "ServiceRole",
    "SecurityConfiguration",
    "AutoScalingRole",
    "CustomAmiId",
    "EbsRootVolumeSize",
    "EbsRootVolumeIops",
    "EbsRootVolumeThroughput",
    "RepoUpgradeOnBoot",
    "KerberosAttributes",
    "OSReleaseLabel",
    "MonitoringConfiguration",
)
"""Members that DescribeCluster gives back as RunJobFlow had them."""

_NETWORK = (
    "Ec2KeyName",
    "EmrManagedMasterSecurityGroup",
    "EmrManagedSlaveSecurityGroup",
    "ServiceAccessSecurityGroup",
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
)


def arn(found: Cluster) -> str:
    """The cluster's ARN."""
    return f"arn:aws:elasticmapreduce:{found.region}:123456789012:cluster/{found.id}"


def cluster(found: Cluster, *, log_scheme: str, now: datetime) -> Said:
    """As `Cluster`."""
    request, master = found.request, found.master
    said: Said = {
        **summary(found, now=now),
        **{name: request[name] for name in _AS_ASKED if name in request},
        "Ec2InstanceAttributes": _ec2_attributes(request, found.zone),
        "InstanceCollectionType": "INSTANCE_FLEET" if request["Instances"].get("InstanceFleets") else "INSTANCE_GROUP",
        "AutoTerminate": not found.keep_alive,
        "TerminationProtected": found.termination_protected,
        "UnhealthyNodeReplacement": bool(request["Instances"].get("UnhealthyNodeReplacement")),
        "VisibleToAllUsers": found.visible,
        "Applications": [_application(a, request["ReleaseLabel"]) for a in request.get("Applications") or ()],
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
        "Configurations": list(request.get("Configurations") or ()),
        "ScaleDownBehavior": request.get("ScaleDownBehavior", "TERMINATE_AT_TASK_COMPLETION"),
        "StepConcurrencyLevel": found.step_concurrency,
        "PlacementGroups": list(request.get("PlacementGroupConfigs") or ()),
    }
    if request.get("LogUri"):
        said["LogUri"] = log_uri(request["LogUri"], log_scheme)
    if master is not None:
        said["MasterPublicDnsName"] = _dns(master)
    return said


def log_uri(asked: str, scheme: str) -> str:
    """As EMR reports it: with another scheme and a slash at the end, whatever was asked for."""
    return f"{scheme}://{asked.partition('://')[2].rstrip('/')}/"


def summary(found: Cluster, *, now: datetime) -> Said:
    """As `ClusterSummary`."""
    return {
        "Id": found.id,
        "Name": found.name,
        "Status": _cluster_status(found),
        "NormalizedInstanceHours": normalized_hours(found, now),
        "ClusterArn": arn(found),
    }


def normalized_hours(found: Cluster, now: datetime) -> int:
    """Each begun hour of each machine, by its size; nothing before the cluster was ready."""
    if found.ready_at is None:
        return 0
    hours = [(i, ((i.ended_at or now) - i.created_at).total_seconds() / 3600) for i in found.instances]
    return sum(normalized(instance.instance_type) * math.ceil(passed) for instance, passed in hours)


def _cluster_status(found: Cluster) -> Said:
    status: Said = {
        "State": found.state,
        "StateChangeReason": _reason(found.reason),
        "Timeline": _timeline(found.created_at, ReadyDateTime=found.ready_at, EndDateTime=found.ended_at),
    }
    if found.reason.detail:
        status["ErrorDetails"] = [
            {
                "ErrorCode": found.reason.detail,
                "ErrorMessage": found.reason.message,
                "ErrorData": [dict(found.reason.data)],
            }
        ]
    return status


def _ec2_attributes(request: Mapping[str, Any], zone: str) -> Said:
    instances = request["Instances"]
    subnets = list(
        instances.get("Ec2SubnetIds") or ([instances["Ec2SubnetId"]] if instances.get("Ec2SubnetId") else [])
    )
    said: Said = {name: instances[name] for name in _NETWORK if instances.get(name)}
    said["Ec2AvailabilityZone"] = zone
    said["RequestedEc2SubnetIds"] = subnets
    said["RequestedEc2AvailabilityZones"] = []
    if subnets:
        said["Ec2SubnetId"] = subnets[0]
    if request.get("JobFlowRole"):
        said["IamInstanceProfile"] = request["JobFlowRole"].rpartition("/")[2]
    return said


def _application(asked: Mapping[str, Any], release: str) -> Said:
    return {"Version": release.removeprefix("emr-"), **asked}


def step(found: Step) -> Said:
    """As `Step` and as `StepSummary`, which has the same members."""
    jar = found.config["HadoopJarStep"]
    config: Said = {
        "Jar": jar["Jar"],
        "Properties": {p["Key"]: p.get("Value", "") for p in jar.get("Properties") or ()},
        "Args": list(jar.get("Args") or ()),
    }
    if "MainClass" in jar:
        config["MainClass"] = jar["MainClass"]
    status: Said = {
        "State": found.state,
        "StateChangeReason": _reason(found.reason),
        "Timeline": _timeline(found.created_at, StartDateTime=found.started_at, EndDateTime=found.ended_at),
    }
    if found.failure:
        status["FailureDetails"] = dict(found.failure)
    said: Said = {
        "Id": found.id,
        "Name": found.config["Name"],
        "Config": config,
        "ActionOnFailure": found.action_on_failure,
        "Status": status,
    }
    if found.applications:
        said["AdditionalInfo"] = {"ResourceManagerApplicationIds": list(found.applications), "ResourceManager": "YARN"}
    return said


def instance(found: Instance) -> Said:
    """As `Instance`."""
    fleet = found.fleet
    return {
        "Id": found.id,
        "Ec2InstanceId": found.ec2_id,
        "PublicDnsName": "",
        "PrivateDnsName": _dns(found),
        "PrivateIpAddress": found.address,
        "Status": {
            "State": found.state,
            "StateChangeReason": _reason(found.reason),
            "Timeline": _timeline(found.created_at, ReadyDateTime=found.ready_at, EndDateTime=found.ended_at),
        },
        "InstanceGroupId" if fleet.group else "InstanceFleetId": fleet.id,
        "Market": found.market,
        "InstanceType": found.instance_type,
        "EbsVolumes": [{"Device": volume.device, "VolumeId": volume.volume_id} for volume in found.volumes],
    }


def fleet(found: Fleet) -> Said:
    """As `InstanceFleet`."""
    said: Said = {
        "Id": found.id,
        "Name": found.request.get("Name", found.kind),
        "Status": _fleet_status(found),
        "InstanceFleetType": found.kind,
        "TargetOnDemandCapacity": found.target[ON_DEMAND],
        "TargetSpotCapacity": found.target[SPOT],
        "ProvisionedOnDemandCapacity": found.held(ON_DEMAND),
        "ProvisionedSpotCapacity": found.held(SPOT),
        "InstanceTypeSpecifications": [_specification(c) for c in found.types],
    }
    for name in ("LaunchSpecifications", "ResizeSpecifications", "Context"):
        if name in found.request:
            said[name] = found.request[name]
    return said


def group(found: Fleet) -> Said:
    """As `InstanceGroup`."""
    market = SPOT if found.target[SPOT] else ON_DEMAND
    said: Said = {
        "Id": found.id,
        "Name": found.request.get("Name", found.kind),
        "Market": market,
        "InstanceGroupType": found.kind,
        "InstanceType": found.types[0].instance_type,
        "RequestedInstanceCount": found.wanted(market),
        "RunningInstanceCount": len([i for i in found.live if i.state == "RUNNING"]),
        "Status": _fleet_status(found),
        "EbsBlockDevices": _devices(found.types[0]),
    }
    return said


def _fleet_status(found: Fleet) -> Said:
    return {
        "State": found.state,
        "StateChangeReason": _reason(found.reason),
        "Timeline": _timeline(found.created_at, ReadyDateTime=found.ready_at, EndDateTime=found.ended_at),
    }


def _specification(choice: TypeChoice) -> Said:
    said: Said = {
        "InstanceType": choice.instance_type,
        "WeightedCapacity": choice.weight,
        "EbsBlockDevices": _devices(choice),
    }
    return said | {"Priority": choice.priority}


def _devices(choice: TypeChoice) -> list[Said]:
    specs = [c["VolumeSpecification"] for c in choice.ebs for _ in range(int(c.get("VolumesPerInstance") or 1))]
    return [{"VolumeSpecification": dict(s), "Device": f"/dev/sd{chr(ord('b') + n)}"} for n, s in enumerate(specs)]


def _dns(found: Instance) -> str:
    return f"ip-{found.address.replace('.', '-')}.ec2.internal"


def _reason(reason: Reason) -> Said:
    return {name: text for name, text in (("Code", reason.code), ("Message", reason.message)) if text}


def _timeline(created_at: datetime, **others: datetime | None) -> Said:
    return {"CreationDateTime": created_at, **{name: at for name, at in others.items() if at is not None}}
