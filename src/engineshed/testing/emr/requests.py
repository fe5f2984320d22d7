"""What EMR refuses of a RunJobFlow at once, and the fleets that an accepted one asks for.

The rules are those of the API Reference (RunJobFlow, InstanceFleetConfig, InstanceTypeConfig,
SpotProvisioningSpecification, AutoTerminationPolicy, ManagedScalingPolicy). What EMR finds out later, while it starts
the cluster, is a fault's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engineshed.testing.emr.catalogue import names, releases
from engineshed.testing.emr.ids import Ids
from engineshed.testing.emr.records import ON_DEMAND, SPOT, Cluster, Fleet, TypeChoice
from engineshed.testing.emr.refusals import invalid

MOST_STEPS = 256
_MOST_ARGUMENT_CHARACTERS = 10_240
_MOST_BOOTSTRAP_ACTIONS = 16
_MOST_TAGS = 50

Given = Mapping[str, Any]


def refuse_if_wrong(request: Given) -> None:
    """Raises Refusal with the first rule that a RunJobFlow breaks."""
    for rule in (_name, _roles, _release, _machines, _network, _policies, _actions):
        for said in rule(request):
            raise invalid(said)
    refuse_steps(request.get("Steps") or (), concurrency=1)
    refuse_tags(request.get("Tags") or ())


def refuse_steps(configs: Sequence[Given], *, concurrency: int) -> None:
    """Raises Refusal for steps that cannot be added."""
    if len(configs) > MOST_STEPS:
        raise invalid(f"Maximum number of steps for job flow exceeded: {MOST_STEPS}")
    for config in configs:
        jar = config["HadoopJarStep"]
        if sum(len(arg) for arg in jar.get("Args") or ()) > _MOST_ARGUMENT_CHARACTERS:
            raise invalid(
                f"The total length of the step's arguments must not exceed {_MOST_ARGUMENT_CHARACTERS} characters."
            )
        action = config.get("ActionOnFailure", "CONTINUE")
        if concurrency > 1 and action != "CONTINUE":
            raise invalid(
                f"ActionOnFailure '{action}' is not valid: the StepConcurrencyLevel of the cluster is greater than 1."
            )


def refuse_tags(tags: Sequence[Given]) -> None:
    """Raises Refusal for tags that EC2 would not take."""
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A resource has at most {_MOST_TAGS} tags.")
    for tag in tags:
        if not 1 <= len(tag.get("Key", "")) <= 128 or len(tag.get("Value", "")) > 256:
            raise invalid(f"Tag key {tag.get('Key')!r} needs 1 to 128 characters, and its value at most 256.")
        if tag["Key"].startswith("aws:"):
            raise invalid("Tag keys starting with aws: are reserved.")


def refuse_idle_policy(policy: Given) -> None:
    """Raises Refusal."""
    if not 60 <= int(policy.get("IdleTimeout", 3600)) <= 604_800:
        raise invalid("The auto-termination policy's IdleTimeout must be between 60 and 604800 seconds.")


def refuse_scaling_policy(policy: Given, *, fleets: bool) -> None:
    """Raises Refusal."""
    limits = policy.get("ComputeLimits")
    if limits is None:
        raise invalid("The managed scaling policy needs ComputeLimits.")
    if fleets != (limits["UnitType"] == "InstanceFleetUnits"):
        raise invalid(f"UnitType {limits['UnitType']} does not fit the cluster's instance collection type.")
    if limits["MinimumCapacityUnits"] > limits["MaximumCapacityUnits"]:
        raise invalid("MinimumCapacityUnits must not be greater than MaximumCapacityUnits.")
    for name in ("MaximumOnDemandCapacityUnits", "MaximumCoreCapacityUnits"):
        if limits.get(name, 0) > limits["MaximumCapacityUnits"]:
            raise invalid(f"{name} must not be greater than MaximumCapacityUnits.")


def _name(request: Given) -> Iterator[str]:
    if not request["Name"] or re.search(r"[<>$|`\r\n\t]", request["Name"]):
        yield f"The name {request['Name']!r} is not valid: it must not be empty or contain any of < > $ | `."


def _roles(request: Given) -> Iterator[str]:
    if not request.get("JobFlowRole"):
        yield "InstanceProfile is required for creating cluster."
    if not request.get("ServiceRole"):
        yield "ServiceRole is required for creating cluster."


def _release(request: Given) -> Iterator[str]:
    if request.get("ReleaseLabel") not in releases():
        yield f"The supplied release label is invalid: {request.get('ReleaseLabel')}."


def _machines(request: Given) -> Iterator[str]:
    instances = request["Instances"]
    ways = [name for name in ("InstanceFleets", "InstanceGroups", "MasterInstanceType") if instances.get(name)]
    if len(ways) != 1:
        yield f"Exactly one of InstanceFleets, InstanceGroups and MasterInstanceType must be given, not {ways}."
        return
    parts = _fleet_configs(instances) + _group_configs(instances)
    kinds = [part.get("InstanceFleetType") or part.get("InstanceRole") for part in parts]
    if kinds.count("MASTER") != 1:
        yield "A cluster needs one master instance fleet or group."
    if instances.get("InstanceFleets") and len(set(kinds)) < len(kinds):
        yield "A cluster has at most one instance fleet of each type."
    known = names(request["ReleaseLabel"])
    for part in parts:
        for choice in _types(part):
            if choice.instance_type not in known:
                yield f"Instance type '{choice.instance_type}' is not supported."
    for fleet in _fleet_configs(instances):
        yield from _fleet(fleet)


def _fleet(fleet: Given) -> Iterator[str]:
    kind, types = fleet["InstanceFleetType"], fleet.get("InstanceTypeConfigs") or ()
    on_demand, spot = fleet.get("TargetOnDemandCapacity", 0), fleet.get("TargetSpotCapacity", 0)
    if not types:
        yield f"The {kind} instance fleet has no instance types."
    if kind == "MASTER" and (on_demand, spot) not in ((1, 0), (0, 1)):
        yield "The master instance fleet must have a target capacity of one, either On-Demand or Spot."
    if on_demand + spot == 0 and kind != "TASK":
        yield f"The {kind} instance fleet must have a target capacity greater than zero."
    spec = fleet.get("LaunchSpecifications") or {}
    strategic = any(
        (spec.get(name) or {}).get("AllocationStrategy") for name in ("SpotSpecification", "OnDemandSpecification")
    )
    if len(types) > (30 if strategic else 5):
        yield f"The {kind} instance fleet has too many instance types: 5, or 30 with an allocation strategy."
    limit = (spec.get("SpotSpecification") or {}).get("TimeoutDurationMinutes")
    if limit is not None and not 5 <= limit <= 1440:
        yield "TimeoutDurationMinutes must be between 5 and 1440."


def _network(request: Given) -> Iterator[str]:
    instances = request["Instances"]
    if instances.get("Ec2SubnetId") and instances.get("Ec2SubnetIds"):
        yield "Only one of Ec2SubnetId and Ec2SubnetIds may be given."
    if len(instances.get("Ec2SubnetIds") or ()) > 1 and not instances.get("InstanceFleets"):
        yield "Several subnets can be given for instance fleets only."
    if bool(instances.get("EmrManagedMasterSecurityGroup")) != bool(instances.get("EmrManagedSlaveSecurityGroup")):
        yield "EmrManagedMasterSecurityGroup and EmrManagedSlaveSecurityGroup must be given together."


def _policies(request: Given) -> Iterator[str]:
    if not 1 <= int(request.get("StepConcurrencyLevel") or 1) <= 256:
        yield "StepConcurrencyLevel must be between 1 and 256."
    if request.get("AutoTerminationPolicy") is not None:
        refuse_idle_policy(request["AutoTerminationPolicy"])
    if request.get("ManagedScalingPolicy") is not None:
        refuse_scaling_policy(request["ManagedScalingPolicy"], fleets=bool(request["Instances"].get("InstanceFleets")))


def _actions(request: Given) -> Iterator[str]:
    if len(request.get("BootstrapActions") or ()) > _MOST_BOOTSTRAP_ACTIONS:
        yield f"A cluster has at most {_MOST_BOOTSTRAP_ACTIONS} bootstrap actions."


def fleets(cluster: Cluster, ids: Ids) -> list[Fleet]:
    """The fleets or groups that a cluster's request asks for."""
    instances = cluster.request["Instances"]
    return [
        *(fleet_of(cluster, config, ids) for config in _fleet_configs(instances)),
        *(_group_of(cluster, config, ids) for config in _group_configs(instances)),
    ]


def fleet_of(cluster: Cluster, config: Given, ids: Ids) -> Fleet:
    """One instance fleet."""
    return Fleet(
        id=ids.new("if-", 12),
        cluster_id=cluster.id,
        kind=config["InstanceFleetType"],
        request=config,
        types=_types(config),
        target={ON_DEMAND: config.get("TargetOnDemandCapacity", 0), SPOT: config.get("TargetSpotCapacity", 0)},
        created_at=cluster.created_at,
    )


def _group_of(cluster: Cluster, config: Given, ids: Ids) -> Fleet:
    market = config.get("Market") or ON_DEMAND
    return Fleet(
        id=ids.new("ig-", 12),
        cluster_id=cluster.id,
        kind=config["InstanceRole"],
        request=config,
        types=_types(config),
        target={ON_DEMAND: 0, SPOT: 0} | {market: config["InstanceCount"]},
        created_at=cluster.created_at,
        group=True,
    )


def _fleet_configs(instances: Given) -> list[Given]:
    return list(instances.get("InstanceFleets") or ())


def _group_configs(instances: Given) -> list[Given]:
    if not instances.get("MasterInstanceType"):
        return list(instances.get("InstanceGroups") or ())
    master = {"InstanceRole": "MASTER", "InstanceType": instances["MasterInstanceType"], "InstanceCount": 1}
    workers = int(instances.get("InstanceCount") or 1) - 1
    kind = instances.get("SlaveInstanceType") or instances["MasterInstanceType"]
    return [master, {"InstanceRole": "CORE", "InstanceType": kind, "InstanceCount": workers}] if workers else [master]


def _types(config: Given) -> tuple[TypeChoice, ...]:
    choices = config.get("InstanceTypeConfigs") or ([config] if "InstanceType" in config else [])
    return tuple(
        TypeChoice(
            instance_type=choice["InstanceType"],
            weight=int(choice.get("WeightedCapacity") or 1),
            priority=float(choice.get("Priority", number)),
            ebs=tuple((choice.get("EbsConfiguration") or {}).get("EbsBlockDeviceConfigs") or ()),
        )
        for number, choice in enumerate(choices)
    )
