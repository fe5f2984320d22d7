"""What this code location offers to Dagster."""

from __future__ import annotations

import dagster as dg

from engineshed import Engineshed, backfill_sensor, cost_report
from web_graph.assets import LOCATION_FILE, OWNERS, TEAM, edges, graph, graph_aggr, nodes_only

defs = dg.Definitions.merge(
    dg.Definitions(
        assets=[nodes_only, edges, graph, graph_aggr],
        jobs=[
            dg.define_asset_job(
                "who_links_to_whom",
                selection=[nodes_only, edges, graph, graph_aggr],
                description="All four steps of the web graph, for the partitions that are chosen.",
                tags={"team": TEAM},
            )
        ],
        sensors=[backfill_sensor()],
        resources={"engineshed": Engineshed(location_file=LOCATION_FILE)},
    ),
    cost_report("web_graph", team=TEAM, owners=OWNERS),
)
