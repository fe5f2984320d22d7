"""Clusters and steps by id, or the refusal that each generation of operations has for one that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engineshed.testing.emr.records import Cluster, Step
from engineshed.testing.emr.refusals import closed_job_flow, unknown_cluster, unknown_job_flow, unknown_step

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account


def cluster(account: Account, cluster_id: str) -> Cluster:
    """For the newer operations. Raises Refusal."""
    found = account.machine.find(cluster_id)
    if found is None:
        raise unknown_cluster(cluster_id)
    return found


def job_flow(account: Account, job_flow_id: str) -> Cluster:
    """For the older ones. Raises Refusal."""
    found = account.machine.find(job_flow_id)
    if found is None:
        raise unknown_job_flow()
    return found


def open_job_flow(account: Account, job_flow_id: str) -> Cluster:
    """One that may be changed. Raises Refusal."""
    found = job_flow(account, job_flow_id)
    if found.ending:
        raise closed_job_flow()
    return found


def step(found: Cluster, step_id: str) -> Step:
    """Raises Refusal."""
    for candidate in found.steps:
        if candidate.id == step_id:
            return candidate
    raise unknown_step(step_id)
