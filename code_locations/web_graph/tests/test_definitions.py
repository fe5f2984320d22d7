"""The declarations: partitions, owners, lineage, checks."""

from __future__ import annotations

import dagster as dg

from web_graph.definitions import defs
from web_graph.partitions import CRAWL_BY_DOMAIN

ASSETS = ("nodes_only", "edges", "graph", "graph_aggr")


def test_every_asset_has_the_team_as_owner_partitions_checks_and_one_backfill() -> None:
    for name in ASSETS:
        spec = defs.get_assets_def(name).get_asset_spec(dg.AssetKey(name))
        assert "team:web-graph" in spec.owners
        assert spec.partitions_def == CRAWL_BY_DOMAIN
        assert defs.get_assets_def(name).backfill_policy == dg.BackfillPolicy.single_run()
        assert list(defs.get_assets_def(name).check_specs), f"{name} has no check"


def test_lineage_starts_in_another_teams_location() -> None:
    upstream = {name: {str(k) for k in _deps(name)} for name in ASSETS}
    assert upstream["nodes_only"] == {str(dg.AssetKey(["company_registry", "seeds"]))}
    assert str(dg.AssetKey("nodes_only")) in upstream["edges"]
    assert str(dg.AssetKey("edges")) in upstream["graph"]
    assert str(dg.AssetKey("graph")) in upstream["graph_aggr"]


def test_two_crawls_and_two_domains_at_least() -> None:
    dimensions = {d.name: d.partitions_def.get_partition_keys() for d in CRAWL_BY_DOMAIN.partitions_defs}
    assert len(dimensions["crawl"]) >= 2
    assert len(dimensions["domain"]) >= 2


def _deps(name: str) -> list[dg.AssetKey]:
    return [dep.asset_key for dep in defs.get_assets_def(name).get_asset_spec(dg.AssetKey(name)).deps]
