"""Managed scaling and auto-termination: put, get, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineshed.testing.emr.api import finding
from engineshed.testing.emr.requests import refuse_idle_policy, refuse_scaling_policy

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account

Given = dict[str, Any]


def put_managed_scaling(account: Account, given: Given) -> Given:
    """In force at once."""
    cluster = finding.open_job_flow(account, given["ClusterId"])
    fleets = bool(cluster.request["Instances"].get("InstanceFleets"))
    refuse_scaling_policy(given["ManagedScalingPolicy"], fleets=fleets)
    cluster.managed_scaling = given["ManagedScalingPolicy"]
    account.machine.scaling.adjust(cluster)
    return {}


def get_managed_scaling(account: Account, given: Given) -> Given:
    """Nothing when there is none."""
    policy = finding.cluster(account, given["ClusterId"]).managed_scaling
    return {} if policy is None else {"ManagedScalingPolicy": policy}


def remove_managed_scaling(account: Account, given: Given) -> Given:
    """The cluster keeps the size that it has."""
    finding.cluster(account, given["ClusterId"]).managed_scaling = None
    return {}


def put_auto_termination(account: Account, given: Given) -> Given:
    """Idleness counts from when it began, not from now."""
    cluster = finding.open_job_flow(account, given["ClusterId"])
    policy = given.get("AutoTerminationPolicy") or {}
    refuse_idle_policy(policy)
    cluster.auto_termination = policy
    account.machine.watch_idleness(cluster)
    return {}


def get_auto_termination(account: Account, given: Given) -> Given:
    """Nothing when there is none."""
    policy = finding.cluster(account, given["ClusterId"]).auto_termination
    return {} if policy is None else {"AutoTerminationPolicy": policy}


def remove_auto_termination(account: Account, given: Given) -> Given:
    """It stays until someone ends it."""
    finding.cluster(account, given["ClusterId"]).auto_termination = None
    return {}


HANDLERS = {
    "PutManagedScalingPolicy": put_managed_scaling,
    "GetManagedScalingPolicy": get_managed_scaling,
    "RemoveManagedScalingPolicy": remove_managed_scaling,
    "PutAutoTerminationPolicy": put_auto_termination,
    "GetAutoTerminationPolicy": get_auto_termination,
    "RemoveAutoTerminationPolicy": remove_auto_termination,
}
