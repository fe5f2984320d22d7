"""The network by registrable domain: tables `graph_aggr`, one row per ordered pair, and `degrees`, one per node.

Plain aggregation over what `graph` kept; nodes without any link stay, with zeros.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from webgraph import runs

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


def degrees(nodes: DataFrame, graph: DataFrame) -> DataFrame:
    """Neighbours, links and linking pages of every node."""
    pairs = graph.groupBy("src_domain", "dst_domain").count().toDF("src_domain", "dst_domain", "weight")
    outgoing = _ends(pairs, "src_domain", "out")
    incoming = _ends(pairs, "dst_domain", "in")
    pages = graph.select("src_domain", "src_url").distinct().groupBy("src_domain").count().toDF("domain", "pages")
    joined = nodes.select("domain", "organisation")
    for part in (incoming, outgoing, pages):
        joined = joined.join(part, "domain", "left")
    zeros = ("in_degree", "out_degree", "in_weight", "out_weight", "pages")
    return joined.selectExpr("domain", "organisation", *(f"coalesce({name}, 0) AS {name}" for name in zeros))


def _ends(pairs: DataFrame, end: str, direction: str) -> DataFrame:
    summed = pairs.groupBy(end).agg({"*": "count", "weight": "sum"})
    counts = {"domain": end, f"{direction}_degree": "`count(1)`", f"{direction}_weight": "`sum(weight)`"}
    return summed.selectExpr(*(f"{column} AS {name}" for name, column in counts.items()))


def write(job: Job, nodes: DataFrame, graph: DataFrame, key: str | None) -> dict[str, Any]:
    """Write both tables and return the counts."""
    pairs = job.write("graph_aggr", graph_aggr(graph).coalesce(1), key=key)
    domains = job.write("degrees", degrees(nodes, graph).coalesce(1), key=key)
    return {"pairs": pairs, "nodes": domains, "links": graph.count()}


def launched(job: Job) -> None:
    """Each partition of the run from its own nodes and graph."""
    counts = {}
    for key in runs.keys_of(job):
        nodes, graph = job.read("nodes_only", "nodes", key=key.key), job.read("graph", "graph", key=key.key)
        counts[key.key] = write(job, nodes, graph, key.key)
    runs.say_counts(job, counts)


def by_hand(job: Job, given: Namespace) -> dict[str, Any]:
    """The tables that the steps before left in their folders."""
    nodes = runs.read_table(job.session, given.nodes, "nodes")
    graph = runs.read_table(job.session, given.graph, "graph")
    runs.prepare_output(given.out, TABLES, overwrite=given.overwrite)
    return write(job, nodes, graph, None)


def arguments() -> ArgumentParser:
    """The arguments for a run by hand."""
    parser = runs.parser("graph_aggr", __doc__)
    parser.add_argument("--nodes", metavar="DIR", help="where nodes_only.py wrote")
    parser.add_argument("--graph", metavar="DIR", help="where graph.py wrote")
    return parser


PAYLOAD = runs.Payload(
    name="graph_aggr", arguments=arguments(), required=("nodes", "graph", "out"), launched=launched, by_hand=by_hand
)

if __name__ == "__main__":
    sys.exit(runs.run(PAYLOAD))
