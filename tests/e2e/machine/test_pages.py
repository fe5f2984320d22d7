"""What the web pages show after the demo, read by the GraphQL that the pages use."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from engineshed.model.month import month_of

from .conftest import Demo
from .test_demo import PARTITIONS
from .webserver import Webserver

_NODES = """{ assetNodes { assetKey { path } groupName isMaterializable owners { ... on TeamAssetOwner { team } }
  dependencyKeys { path } repository { location { name } }
  partitionStats { numMaterialized numPartitions } } }"""
_CHECKS = """query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks { name blocking executionForLatestMaterialization {
    status evaluation { success metadataEntries { label } } } } } } } } }"""


@pytest.fixture(scope="module")
def nodes(web: Webserver) -> dict[str, dict[str, Any]]:
    found = [node for node in web.ask(_NODES)["assetNodes"] if node["isMaterializable"]]
    return {"/".join(node["assetKey"]["path"]): node for node in found}


def test_both_code_locations_are_loaded(web: Webserver) -> None:
    assert web.locations() == {"company_registry": "LOADED", "web_graph": "LOADED"}


def test_lineage_runs_across_the_locations(nodes: dict[str, dict[str, Any]]) -> None:
    upstream = {name: {"/".join(k["path"]) for k in node["dependencyKeys"]} for name, node in nodes.items()}
    assert upstream == {
        "company_registry/costs": set(),
        "web_graph/costs": set(),
        "company_registry/seeds": set(),
        "nodes_only": {"company_registry/seeds"},
        "edges": {"nodes_only"},
        "graph": {"nodes_only", "edges"},
        "graph_aggr": {"nodes_only", "edges", "graph"},
    }
    assert nodes["company_registry/seeds"]["repository"]["location"]["name"] == "company_registry"
    assert nodes["nodes_only"]["repository"]["location"]["name"] == "web_graph"


def test_the_locations_belong_to_different_teams(nodes: dict[str, dict[str, Any]]) -> None:
    teams = {name: {o["team"] for o in node["owners"] if "team" in o} for name, node in nodes.items()}
    assert teams.pop("company_registry/seeds") == teams.pop("company_registry/costs") == {"company-registry"}
    assert set(map(frozenset, teams.values())) == {frozenset({"web-graph"})}


def test_every_partition_of_every_asset_is_materialised(nodes: dict[str, dict[str, Any]]) -> None:
    stats = {name: node["partitionStats"] for name, node in nodes.items() if not name.endswith("/costs")}
    made = {name: known for name, known in stats.items() if known}
    assert set(made) == {"nodes_only", "edges", "graph", "graph_aggr"}
    for known in made.values():
        assert known == {"numMaterialized": len(PARTITIONS), "numPartitions": len(PARTITIONS)}


@pytest.mark.parametrize("asset", ["company_registry/seeds", "nodes_only", "edges", "graph", "graph_aggr"])
def test_checks_passed_and_show_what_they_found(web: Webserver, asset: str) -> None:
    answer = web.ask(_CHECKS, asset={"path": asset.split("/")})["assetNodeOrError"]["assetChecksOrError"]
    assert answer["checks"]
    for check in answer["checks"]:
        execution = check["executionForLatestMaterialization"]
        assert execution["status"] == "SUCCEEDED", check
        assert execution["evaluation"]["success"]
        assert execution["evaluation"]["metadataEntries"], check["name"]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_network_shows_picture_plan_provenance_and_links(web: Webserver, partition: str) -> None:
    made, *_ = web.materialisations("graph_aggr", partition)
    shown = made.metadata
    assert next(iter(shown)) == "network"
    assert shown["network"].startswith("![Who links to whom among")
    assert "](data:image/png;base64," in shown["network"]
    assert "| From | To | Links |" in shown["top_pairs"]
    assert shown["organisations"] > 10
    assert "**chosen**" in shown["engineshed/plan"]
    assert {"link/driver output", "link/driver errors"} <= set(shown)
    provenance = json.loads(shown["engineshed/provenance"])
    assert provenance["staged"]["digest"]
    assert provenance["runtime"], "the versions that the driver ran with"
    assert "edges" in shown["commit/upstream"]


def test_drops_are_shown_with_their_reasons(web: Webserver) -> None:
    for asset in ("nodes_only", "edges"):
        made, *_ = web.materialisations(asset, PARTITIONS[0])
        assert any(name.startswith(("drops", "dropped")) for name in made.metadata), sorted(made.metadata)


def test_the_months_costs_are_a_page(web: Webserver) -> None:
    month = month_of(datetime.now(UTC))
    run_id = web.launch("web_graph/costs", tags={"dagster/partition": month})
    assert web.ended(run_id) == "SUCCESS", web.messages(run_id)
    (made, *_) = web.materialisations("web_graph/costs", month)
    shown = made.metadata
    assert next(iter(shown)) == "costs"
    assert f"runs of web_graph in {month} (UTC)" in shown["costs"]
    for asset in ("nodes_only", "edges", "graph", "graph_aggr"):
        assert f"| {asset} | sail |" in shown["costs"]
    assert shown["attempts"] >= 4
    assert {"lines", "total_usd", "metered_usd", "engine/sail_usd", "asset/edges_usd"} <= set(shown)


def test_the_run_of_the_demo_is_in_the_list_of_runs(web: Webserver, demo: Demo, times: dict[str, str]) -> None:
    run = demo.said.rpartition("engineshed reproduce ")[2].split()[0]
    (found,) = [r for r in web.runs() if r["runId"].startswith(run)]
    assert found["status"] == "SUCCESS"
    assert "dagster/backfill" not in {tag["key"] for tag in found["tags"]}, "the pages hide runs of backfills"
    times["added to a launch, warm"] = f"{web.seconds_added(found['runId'], 'graph'):.1f} s (bar 3 s)"


def test_what_the_drivers_of_the_demo_wrote_is_in_the_compute_logs(web: Webserver, demo: Demo) -> None:
    run = demo.said.rpartition("engineshed reproduce ")[2].split()[0]
    (found,) = [r for r in web.runs() if r["runId"].startswith(run)]
    assert "wrote" in web.compute_log(found["runId"])


def test_what_the_pages_show_is_counted_beside_them(web: Webserver) -> None:
    with urllib.request.urlopen(web.metrics, timeout=30) as answer:
        page = answer.read().decode()
    counted = {
        sample.labels["asset_group"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "engineshed_rows_total"
    }
    # One run of the demo made every partition of the four assets of `web_graph`, and the seed list before.
    assert counted
    assert all(rows > 0 for rows in counted.values())
