"""Instance pools and cluster policies: get and list. A test puts them there itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.platform import USER, Platform
from engineshed.testing.databricks.refusals import absent
from engineshed.testing.databricks.routing import Call, Given, Route


class PoolsApi:
    """Handlers of `instance-pools` and `policies/clusters`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them."""
        compute = shapes.compute
        pools, policies = compute.InstancePoolsAPI, compute.ClusterPoliciesAPI
        yield Route("GET", r"/api/2\.0/instance-pools/get", self.pool, pools.get, compute.GetInstancePool)
        yield Route("GET", r"/api/2\.0/instance-pools/list", self.pools, pools.list, compute.ListInstancePools)
        yield Route("GET", r"/api/2\.0/policies/clusters/get", self.policy, policies.get, compute.Policy)
        yield Route(
            "GET", r"/api/2\.0/policies/clusters/list", self.policies, policies.list, compute.ListPoliciesResponse
        )

    def pool(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One."""
        pool_id = given["instance_pool_id"]
        if pool_id not in self._platform.pools:
            raise absent(f"Can't find an instance pool with the id {pool_id}.")
        return self._pool(pool_id)

    def pools(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All."""
        return {"instance_pools": [self._pool(pool_id) for pool_id in self._platform.pools]}

    def _pool(self, pool_id: str) -> dict[str, Any]:
        held = [n for c in self._platform.fleet.clusters.values() for n in c.nodes if n.pool_id == pool_id]
        used = sum(n.until is None for n in held)
        idle = max(0, int(self._platform.pools[pool_id].get("min_idle_instances", 0)))
        stats = {"used_count": used, "idle_count": idle, "pending_used_count": 0, "pending_idle_count": 0}
        said = {"instance_pool_id": pool_id, "state": "ACTIVE", "stats": stats, "status": {}}
        return {**self._platform.pools[pool_id], **said}

    def policy(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One."""
        policy_id = given["policy_id"]
        if policy_id not in self._platform.policies:
            raise absent(f"Cluster policy {policy_id} does not exist.")
        return self._policy(policy_id)

    def policies(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All."""
        return {"policies": [self._policy(policy_id) for policy_id in self._platform.policies]}

    def _policy(self, policy_id: str) -> dict[str, Any]:
        said = {"policy_id": policy_id, "creator_user_name": USER, "is_default": False}
        return {**said, **self._platform.policies[policy_id]}
