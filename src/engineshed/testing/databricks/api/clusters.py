"""Clusters API: get, list, events, node types, runtimes, end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.api.paging import page
from engineshed.testing.databricks.catalogue import NODE_TYPES, RUNTIMES
from engineshed.testing.databricks.cluster_answers import cluster_answer, node_type_answer
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import ENDED_BY_PERSON
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.refusals import invalid
from engineshed.testing.databricks.routing import Call, Given, Route

_API = shapes.compute.ClustersAPI


class ClustersApi:
    """Handlers of `clusters/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them."""
        at, compute = r"/api/2\.[01]/clusters/", shapes.compute
        yield Route("GET", at + "get", self.get, _API.get, compute.ClusterDetails)
        yield Route("GET", at + "list", self.list, _API.list, compute.ListClustersResponse)
        yield Route("POST", at + "events", self.events, _API.events, compute.GetEventsResponse)
        yield Route("GET", at + "list-node-types", self.node_types, _API.list_node_types, compute.ListNodeTypesResponse)
        yield Route("GET", at + "spark-versions", self.versions, _API.spark_versions, compute.GetSparkVersionsResponse)
        yield Route("POST", at + "delete", self.delete, _API.delete)
        yield Route("POST", at + "permanent-delete", self.permanent_delete, _API.permanent_delete)

    def get(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One."""
        return cluster_answer(self._find(given))

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """All, newest first, in pages."""
        clusters = sorted(self._platform.fleet.clusters.values(), key=lambda c: c.created_at, reverse=True)
        shown, token = page(
            clusters, min(given.get("page_size", 20), self._platform.limits.clusters), given.get("page_token")
        )
        said = {"clusters": [cluster_answer(cluster) for cluster in shown]}
        return {**said, **({"next_page_token": token} if token else {})}

    def events(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Newest first unless asked otherwise; by offset or by token."""
        events = [e for e in self._find(given).events if _wanted(e, given)]
        if given.get("order", "DESC") == "DESC":
            events.reverse()
        size = min(given.get("limit") or given.get("page_size") or 50, self._platform.limits.events)
        total, offset = len(events), int(given.get("offset") or 0)
        shown, token = page(events[offset:], size, given.get("page_token"))
        said: dict[str, Any] = {"events": shown, "total_count": total}
        if token:
            said["next_page_token"] = token
            said["next_page"] = {**given, "offset": offset + size, "limit": size}
        return said

    def node_types(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Of the catalogue."""
        return {"node_types": [node_type_answer(kind) for kind in NODE_TYPES]}

    def versions(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Of the catalogue."""
        return {"versions": [{"key": runtime.key, "name": runtime.name} for runtime in RUNTIMES]}

    def delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """End it; what runs there fails."""
        self._platform.fleet.terminate(self._find(given), ENDED_BY_PERSON)
        return {}

    def permanent_delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """End it, and know it no more."""
        cluster = self._find(given)
        self._platform.fleet.terminate(cluster, ENDED_BY_PERSON)
        self._platform.fleet.forgotten.add(cluster.cluster_id)
        return {}

    def _find(self, given: Given) -> Cluster:
        found = self._platform.fleet.find(given["cluster_id"])
        if found is None:
            raise invalid(f"Cluster {given['cluster_id']} does not exist")
        return found


def _wanted(event: Mapping[str, Any], given: Given) -> bool:
    kinds = given.get("event_types")
    start, end = given.get("start_time", 0), given.get("end_time")
    return (
        (not kinds or event["type"] in kinds) and event["timestamp"] >= start and (not end or event["timestamp"] <= end)
    )
