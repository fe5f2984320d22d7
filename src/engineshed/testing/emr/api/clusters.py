"""RunJobFlow and what is asked of clusters: describe, list, tag, protect, keep alive, terminate."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from engineshed.testing.emr import describing
from engineshed.testing.emr.api import finding
from engineshed.testing.emr.paging import page, paged
from engineshed.testing.emr.reasons import USER_REQUEST
from engineshed.testing.emr.refusals import invalid
from engineshed.testing.emr.requests import refuse_if_wrong, refuse_tags

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account

Given = dict[str, Any]

MOST_AT_ONCE = 10
"""Clusters that one TerminateJobFlows takes."""


def run_job_flow(account: Account, given: Given) -> Given:
    """No token: each call is a new cluster."""
    refuse_if_wrong(given)
    cluster = account.machine.create(deepcopy(given), account.region)
    return {"JobFlowId": cluster.id, "ClusterArn": describing.arn(cluster)}


def describe_cluster(account: Account, given: Given) -> Given:
    """With tags."""
    found = finding.cluster(account, given["ClusterId"])
    said = describing.cluster(found, log_scheme=account.log_scheme, now=account.agenda.now)
    return {"Cluster": said}


def list_clusters(account: Account, given: Given) -> Given:
    """Newest first, without tags."""
    found = [
        cluster
        for cluster in reversed(account.machine.clusters.values())
        if account.machine.find(cluster.id)
        and (not given.get("ClusterStates") or cluster.state in given["ClusterStates"])
        and ("CreatedAfter" not in given or cluster.created_at >= given["CreatedAfter"])
        and ("CreatedBefore" not in given or cluster.created_at <= given["CreatedBefore"])
    ]
    items, marker = page(found, "clusters", given.get("Marker"), account.page_size, lambda c: c.id)
    said = [describing.summary(c, now=account.agenda.now) for c in items]
    return paged("Clusters", said, marker)


def terminate_job_flows(account: Account, given: Given) -> Given:
    """All or none: a protected one among them stops the whole call."""
    if len(given["JobFlowIds"]) > MOST_AT_ONCE:
        raise invalid(f"At most {MOST_AT_ONCE} clusters can be terminated at once.")
    found = [finding.job_flow(account, cluster_id) for cluster_id in given["JobFlowIds"]]
    if any(cluster.termination_protected and not cluster.ending for cluster in found):
        raise invalid("Could not shut down one or more job flows since they are termination protected.")
    for cluster in found:
        account.machine.end(cluster, USER_REQUEST)
    return {}


def set_termination_protection(account: Account, given: Given) -> Given:
    """Of several."""
    for cluster_id in given["JobFlowIds"]:
        finding.open_job_flow(account, cluster_id).termination_protected = given["TerminationProtected"]
    return {}


def set_keep_alive(account: Account, given: Given) -> Given:
    """One that is idle ends at once when it need not be kept any more."""
    for cluster_id in given["JobFlowIds"]:
        cluster = finding.open_job_flow(account, cluster_id)
        cluster.keep_alive = given["KeepJobFlowAliveWhenNoSteps"]
        cluster.waits = cluster.waits and cluster.keep_alive
        account.machine.steps.dispatch(cluster)
    return {}


def set_visible(account: Account, given: Given) -> Given:
    """Kept, and without effect: the double has one user."""
    for cluster_id in given["JobFlowIds"]:
        finding.job_flow(account, cluster_id).visible = given["VisibleToAllUsers"]
    return {}


def modify_cluster(account: Account, given: Given) -> Given:
    """Of its settings, the number of steps that may run at once."""
    cluster = finding.cluster(account, given["ClusterId"])
    level = int(given.get("StepConcurrencyLevel") or cluster.step_concurrency)
    if not 1 <= level <= 256:
        raise invalid("StepConcurrencyLevel must be between 1 and 256.")
    cluster.step_concurrency = level
    account.machine.steps.dispatch(cluster)
    return {"StepConcurrencyLevel": level}


def add_tags(account: Account, given: Given) -> Given:
    """A key that is there gets the new value."""
    cluster = finding.cluster(account, given["ResourceId"])
    refuse_tags(given["Tags"])
    cluster.tags.update({tag["Key"]: tag.get("Value", "") for tag in given["Tags"]})
    return {}


def remove_tags(account: Account, given: Given) -> Given:
    """No error for keys that are not there."""
    cluster = finding.cluster(account, given["ResourceId"])
    for key in given["TagKeys"]:
        cluster.tags.pop(key, None)
    return {}


def list_bootstrap_actions(account: Account, given: Given) -> Given:
    """In the order in which they run."""
    cluster = finding.cluster(account, given["ClusterId"])
    said = [
        {
            "Name": action["Name"],
            "ScriptPath": action["ScriptBootstrapAction"]["Path"],
            "Args": list(action["ScriptBootstrapAction"].get("Args") or ()),
        }
        for action in cluster.request.get("BootstrapActions") or ()
    ]
    numbered = list(enumerate(said))
    items, marker = page(numbered, f"actions of {cluster.id}", given.get("Marker"), account.page_size, lambda n: n[0])
    return paged("BootstrapActions", [action for _, action in items], marker)


HANDLERS = {
    "RunJobFlow": run_job_flow,
    "DescribeCluster": describe_cluster,
    "ListClusters": list_clusters,
    "TerminateJobFlows": terminate_job_flows,
    "SetTerminationProtection": set_termination_protection,
    "SetKeepJobFlowAliveWhenNoSteps": set_keep_alive,
    "SetVisibleToAllUsers": set_visible,
    "ModifyCluster": modify_cluster,
    "AddTags": add_tags,
    "RemoveTags": remove_tags,
    "ListBootstrapActions": list_bootstrap_actions,
}
