"""What is asked of machines: instances, fleets and groups, and their resizing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineshed.testing.emr import describing
from engineshed.testing.emr.api import finding
from engineshed.testing.emr.paging import page, paged
from engineshed.testing.emr.records import ON_DEMAND, SPOT, Cluster, Fleet, Instance
from engineshed.testing.emr.refusals import bad_request, closed_job_flow

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account

Given = dict[str, Any]


def list_instances(account: Account, given: Given) -> Given:
    """Ended ones included."""
    cluster = finding.cluster(account, given["ClusterId"])
    found = [instance for instance in cluster.instances if _asked_for(instance, given)]
    items, marker = page(found, f"instances of {cluster.id}", given.get("Marker"), account.page_size, lambda i: i.id)
    return paged("Instances", [describing.instance(instance) for instance in items], marker)


def _asked_for(instance: Instance, given: Given) -> bool:
    fleet = instance.fleet
    return (
        given.get("InstanceFleetId") in (None, fleet.id)
        and given.get("InstanceGroupId") in (None, fleet.id)
        and given.get("InstanceFleetType") in (None, fleet.kind)
        and fleet.kind in (given.get("InstanceGroupTypes") or (fleet.kind,))
        and instance.state in (given.get("InstanceStates") or (instance.state,))
    )


def list_instance_fleets(account: Account, given: Given) -> Given:
    """Raises Refusal for a cluster of groups."""
    return _list(account, given, "InstanceFleets", groups=False)


def list_instance_groups(account: Account, given: Given) -> Given:
    """Raises Refusal for a cluster of fleets."""
    return _list(account, given, "InstanceGroups", groups=True)


def _list(account: Account, given: Given, name: str, *, groups: bool) -> Given:
    cluster = finding.cluster(account, given["ClusterId"])
    if any(fleet.group != groups for fleet in cluster.fleets):
        kinds = ("instance fleets", "instance groups")
        raise bad_request(f"{kinds[groups].capitalize()} and {kinds[not groups]} are mutually exclusive.")
    items, marker = page(
        cluster.fleets, f"{name} of {cluster.id}", given.get("Marker"), account.page_size, lambda f: f.id
    )
    describe = describing.group if groups else describing.fleet
    return paged(name, [describe(fleet) for fleet in items], marker)


def modify_instance_fleet(account: Account, given: Given) -> Given:
    """New targets."""
    cluster, wanted = _running(account, given["ClusterId"]), given["InstanceFleet"]
    fleet = _fleet(cluster, wanted["InstanceFleetId"])
    account.machine.capacity.resize(
        cluster,
        fleet,
        on_demand=wanted.get("TargetOnDemandCapacity", fleet.target[ON_DEMAND]),
        spot=wanted.get("TargetSpotCapacity", fleet.target[SPOT]),
    )
    return {}


def modify_instance_groups(account: Account, given: Given) -> Given:
    """New counts."""
    cluster = _running(account, given["ClusterId"])
    for wanted in given.get("InstanceGroups") or ():
        group = _fleet(cluster, wanted["InstanceGroupId"])
        market = SPOT if group.target[SPOT] else ON_DEMAND
        target = {ON_DEMAND: 0, SPOT: 0} | {market: wanted.get("InstanceCount", group.target[market])}
        account.machine.capacity.resize(cluster, group, on_demand=target[ON_DEMAND], spot=target[SPOT])
    return {}


def _running(account: Account, cluster_id: str) -> Cluster:
    cluster = finding.cluster(account, cluster_id)
    if not cluster.takes_steps:
        raise closed_job_flow()
    return cluster


def _fleet(cluster: Cluster, fleet_id: str) -> Fleet:
    for fleet in cluster.fleets:
        if fleet.id == fleet_id and fleet.kind != "MASTER":
            return fleet
    raise bad_request(f"Instance fleet or group id '{fleet_id}' is not valid.")


HANDLERS = {
    "ListInstances": list_instances,
    "ListInstanceFleets": list_instance_fleets,
    "ListInstanceGroups": list_instance_groups,
    "ModifyInstanceFleet": modify_instance_fleet,
    "ModifyInstanceGroups": modify_instance_groups,
}
