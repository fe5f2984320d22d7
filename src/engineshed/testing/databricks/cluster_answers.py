"""Clusters as the Clusters API tells them. Pure."""

from __future__ import annotations

from typing import Any

from engineshed.testing.databricks.catalogue import NODE_TYPES, NodeType
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.nodes import Node
from engineshed.testing.databricks.run_answers import ms

_NOT_TOLD = ("apply_policy_default_values", "workload_type")


def cluster_answer(cluster: Cluster) -> dict[str, Any]:
    """Shape `ClusterDetails`."""
    held = [n for n in cluster.nodes if n.until is None]
    said: dict[str, Any] = {k: v for k, v in cluster.machines.items() if k not in _NOT_TOLD}
    said.update(
        cluster_id=cluster.cluster_id,
        cluster_name=cluster.name,
        cluster_source=cluster.source,
        creator_user_name="double@example.com",
        state=cluster.state,
        state_message=cluster.message,
        start_time=ms(cluster.created_at),
        default_tags=dict(cluster.default_tags),
        spec=dict(cluster.spec),
        cluster_cores=float(sum(_kind(n).cores for n in held)),
        cluster_memory_mb=sum(_kind(n).memory_gib for n in held) * 1024,
    )
    if cluster.running_at is not None:
        said["spark_context_id"] = ms(cluster.running_at)
    if cluster.terminated_at is not None:
        said["terminated_time"] = ms(cluster.terminated_at)
    if cluster.reason is not None:
        said["termination_reason"] = dict(cluster.reason)
    driver = next((n for n in held if n.driver), None)
    if driver is not None:
        said["driver"] = _node(driver)
        said["executors"] = [_node(n) for n in held if not n.driver]
    return said


def _node(node: Node) -> dict[str, Any]:
    return {
        "node_id": node.node_id,
        "instance_id": f"i-{node.node_id[:17]}",
        "start_timestamp": ms(node.since),
        "node_aws_attributes": {"is_spot": node.market == "spot"},
    }


def _kind(node: Node) -> NodeType:
    return next((k for k in NODE_TYPES if k.name == node.node_type), NODE_TYPES[0])


def node_type_answer(kind: NodeType) -> dict[str, Any]:
    """Shape `NodeType`."""
    return {
        "node_type_id": kind.name,
        "instance_type_id": kind.name,
        "description": kind.name,
        "memory_mb": kind.memory_gib * 1024,
        "num_cores": float(kind.cores),
        "num_gpus": 0,
        "category": kind.category,
        "is_deprecated": False,
        "support_cluster_tags": True,
        "support_ebs_volumes": True,
        "photon_driver_capable": kind.memory_gib >= 16,
        "photon_worker_capable": kind.memory_gib >= 16,
    }
