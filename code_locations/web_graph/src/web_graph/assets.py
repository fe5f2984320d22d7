"""Who links to whom: nodes_only -> edges -> graph -> graph_aggr, each a Spark job that is declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from engineshed import Resources, SampleInput, SparkJob, has_rows, is_unique, no_dangling, read_premises, spark_asset
from web_graph.partitions import CRAWL_BY_DOMAIN, CRAWLS, DOMAINS
from web_graph.pictures import illustrate
from web_graph.research import local_places

LOCATION_FILE = str(Path(__file__).with_name("location.yaml"))
TEAM = "web-graph"
OWNERS = ["web-graph@example.org"]
SEEDS = dg.AssetKey(["company_registry", "seeds"])

_PAYLOADS = read_premises(LOCATION_FILE).payloads
_DOMAINS = {name: domain.for_payload("/".join(SEEDS.path), "seeds") for name, domain in DOMAINS.items()}
_COMMON: dict[str, Any] = {
    "team": TEAM,
    "owners": OWNERS,
    "group_name": "web_graph",
    "partitions_def": CRAWL_BY_DOMAIN,
    "backfill_policy": dg.BackfillPolicy.single_run(),
}


def _job(
    name: str,
    *tables: str,
    settings: dict[str, Any] | None = None,
    sample: dict[str, Any] | None = None,
    data: tuple[str, ...] = (),
    sample_data: tuple[str, ...] = (),
    engine_settings: dict[str, dict[str, Any]] | None = None,
) -> SparkJob:
    return SparkJob(
        name=name,
        script=str(_PAYLOADS / f"{name}.py"),
        modules=(str(_PAYLOADS / "webgraph"),),
        tables=tables,
        settings={"domains": _DOMAINS, **(settings or {})},
        data=data,
        engine_settings=engine_settings or {},
        resources=Resources(driver_cores=2, driver_memory_gib=2.0, executors=0),
        sample=SampleInput(settings=sample or {}, data=sample_data),
    )


nodes_only = spark_asset(
    "nodes_only",
    _job("nodes_only", "nodes", "drops"),
    inputs=[SEEDS],
    description="Seed companies, cleaned: a row for each registrable domain. Dropped rows are kept with their reason.",
    checks=[has_rows("nodes"), is_unique("nodes", ["domain"])],
    **_COMMON,
)

edges = spark_asset(
    "edges",
    _job(
        "edges",
        "pages",
        "links",
        settings={"crawls": {crawl: list(places) for crawl, places in CRAWLS.full.items()}},
        sample={"crawls": {crawl: list(places) for crawl, places in CRAWLS.sample.items()}},
        data=local_places(CRAWLS.full),
        sample_data=local_places(CRAWLS.sample),
        # Reading web archives is the heavy part: on a cluster executors come for it, and go.
        engine_settings={"kubernetes": {"dynamic_allocation": {"min": 0, "max": 2}}},
    ),
    inputs=["nodes_only"],
    description="Text and hyperlinks of the seed companies' pages, in one pass over the WARC records.",
    checks=[
        has_rows("pages"),
        is_unique("pages", ["page_url"]),
        is_unique("links", ["src_url", "dst_url", "kind"]),
        no_dangling("links", "src_url", of_table="pages", of_column="page_url"),
    ],
    **_COMMON,
)

graph = spark_asset(
    "graph",
    _job("graph", "graph"),
    inputs=["nodes_only", "edges"],
    description="Links whose two ends are seed companies.",
    checks=[
        has_rows("graph"),
        no_dangling("graph", "src_domain", of_asset="nodes_only", of_table="nodes", of_column="domain"),
        no_dangling("graph", "dst_domain", of_asset="nodes_only", of_table="nodes", of_column="domain"),
    ],
    **_COMMON,
)

graph_aggr = spark_asset(
    "graph_aggr",
    _job("graph_aggr", "graph_aggr", "degrees"),
    inputs=["nodes_only", "edges", "graph"],
    description="The network by registrable domain: weights, reciprocity, degrees, and its picture.",
    checks=[
        has_rows("graph_aggr"),
        is_unique("graph_aggr", ["src_domain", "dst_domain"]),
        is_unique("degrees", ["domain"]),
        no_dangling("graph_aggr", "dst_domain", of_table="degrees", of_column="domain"),
    ],
    illustrate=illustrate,
    **_COMMON,
)
