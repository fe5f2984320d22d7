"""The network by registrable domain: tables `graph_aggr`, one row per ordered pair, and `degrees`, one per node.

Plain aggregation over what `graph` kept; nodes without any link stay, with zeros.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from webgraph import runs
from webgraph.nodes import nodes_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from engineshed_driver import Job

TABLES = ("graph_aggr", "degrees")


def graph_aggr(graph: DataFrame) -> DataFrame:
    """Links and linking pages of each ordered pair of domains, and whether the other direction exists too."""
    grouped = graph.groupBy("src_domain", "dst_domain")
    pairs = grouped.agg({"*": "count"}).toDF("src_domain", "dst_domain", "weight")
    pages = graph.select("src_domain", "dst_domain", "src_url").distinct().groupBy("src_domain", "dst_domain")
    counted = pairs.join(pages.count().toDF("src_domain", "dst_domain", "pages"), ["src_domain", "dst_domain"])
    back = pairs.selectExpr("dst_domain AS src_domain", "src_domain AS dst_domain", "true AS back")
    joined = counted.join(back, ["src_domain", "dst_domain"], "left")
    return joined.selectExpr("src_domain", "dst_domain", "weight", "pages", "coalesce(back, false) AS reciprocal")


def degrees(nodes: DataFrame, graph: DataFrame, pages: DataFrame | None) -> DataFrame:
    """Neighbours, links and captured pages of every node; without the table `pages`, that column is null."""
    pairs = graph.groupBy("src_domain", "dst_domain").count().toDF("src_domain", "dst_domain", "weight")
    outgoing = _ends(pairs, "src_domain", "out")
    incoming = _ends(pairs, "dst_domain", "in")
    joined = nodes.select("domain", "organisation").join(incoming, "domain", "left").join(outgoing, "domain", "left")
    captured = "CAST(NULL AS bigint) AS pages"
    if pages is not None:
        joined = joined.join(_captured(nodes, pages), "domain", "left")
        captured = "coalesce(pages, 0) AS pages"
    zeros = ("in_degree", "out_degree", "in_weight", "out_weight")
    return joined.selectExpr("domain", "organisation", *(f"coalesce({name}, 0) AS {name}" for name in zeros), captured)


def _captured(nodes: DataFrame, pages: DataFrame) -> DataFrame:
    per_host = pages.groupBy("host").count().toDF("host", "n")
    located = per_host.join(nodes_of(pages.select("host"), nodes), "host")
    return located.groupBy("domain").agg({"n": "sum"}).toDF("domain", "pages")


def _ends(pairs: DataFrame, end: str, direction: str) -> DataFrame:
    summed = pairs.groupBy(end).agg({"*": "count", "weight": "sum"})
    counts = {"domain": end, f"{direction}_degree": "`count(1)`", f"{direction}_weight": "`sum(weight)`"}
    return summed.selectExpr(*(f"{column} AS {name}" for name, column in counts.items()))


def write(job: Job, tables: dict[str, DataFrame], key: str | None) -> dict[str, Any]:
    """Write both tables and return the counts."""
    nodes, graph = tables["nodes"], tables["graph"]
    pairs = job.write("graph_aggr", graph_aggr(graph).coalesce(1), key=key)
    domains = job.write("degrees", degrees(nodes, graph, tables.get("pages")).coalesce(1), key=key)
    return {"pairs": pairs, "nodes": domains, "links": graph.count()}


def launched(job: Job) -> None:
    """Each partition of the run from its own nodes, pages and graph."""
    counts = {}
    for key in runs.keys_of(job):
        upstream = {"nodes": "nodes_only", "pages": "edges", "graph": "graph"}
        tables = {table: job.read(asset, table, key=key.key) for table, asset in upstream.items()}
        counts[key.key] = write(job, tables, key.key)
    runs.say_counts(job, counts)


def by_hand(job: Job, given: Namespace) -> dict[str, Any]:
    """The tables that the steps before left in their folders."""
    folders = {"nodes": given.nodes, "graph": given.graph, "pages": given.pages}
    tables = {table: runs.read_table(job.session, folder, table) for table, folder in folders.items() if folder}
    runs.prepare_output(given.out, TABLES, overwrite=given.overwrite)
    return write(job, tables, None)


def arguments() -> ArgumentParser:
    """The arguments for a run by hand."""
    parser = runs.parser("graph_aggr", __doc__)
    parser.add_argument("--nodes", metavar="DIR", help="where nodes_only.py wrote")
    parser.add_argument("--graph", metavar="DIR", help="where graph.py wrote")
    parser.add_argument("--pages", metavar="DIR", help="where edges.py wrote; without it, degrees.pages is null")
    return parser


PAYLOAD = runs.Payload(
    name="graph_aggr", arguments=arguments(), required=("nodes", "graph", "out"), launched=launched, by_hand=by_hand
)

if __name__ == "__main__":
    sys.exit(runs.run(PAYLOAD))
