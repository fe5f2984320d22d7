"""Who links to whom among the seeds: table `graph`, links whose two ends lie in different nodes' registrable domains.

The registrable domain is looked up once per distinct host, the rest is joins. Every link of the input is either a
row of the output or counted under the first reason that applies.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from webgraph import runs
from webgraph.drops import Drop, by_section
from webgraph.nodes import host_in, nodes_of
from webgraph.page import KINDS
from webgraph.selection import DefinitionInvalid

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from engineshed_driver import Job

TABLES = ("graph",)


def classified(nodes: DataFrame, links: DataFrame, kinds: Sequence[str]) -> DataFrame:
    """Every link with the domains of its ends and, where it is no edge of the graph, the reason."""
    ends = ("src_url", "dst_url", "kind", f"{host_in('src_url')} AS src_host", f"{host_in('dst_url')} AS dst_host")
    hosted = links.selectExpr(*ends)
    known = nodes_of(hosted.selectExpr("src_host AS host").union(hosted.selectExpr("dst_host AS host")), nodes)
    sources = known.selectExpr("host AS src_host", "domain AS src_domain")
    targets = known.selectExpr("host AS dst_host", "domain AS dst_domain")
    joined = hosted.join(sources, "src_host", "left").join(targets, "dst_host", "left")
    asked = ", ".join(f"'{kind}'" for kind in kinds)
    return joined.selectExpr(
        "src_url",
        "dst_url",
        "src_domain",
        "dst_domain",
        "kind",
        f"CASE WHEN kind NOT IN ({asked}) THEN '{Drop.KIND}'"
        f" WHEN src_domain IS NULL THEN '{Drop.UNKNOWN_SOURCE}'"
        f" WHEN dst_domain IS NULL THEN '{Drop.UNKNOWN_TARGET}'"
        f" WHEN src_domain = dst_domain THEN '{Drop.INTERNAL}' END AS reason",
    )


def graph(links: DataFrame) -> DataFrame:
    """Table `graph` of classified links."""
    return links.where("reason IS NULL").select("src_url", "dst_url", "src_domain", "dst_domain", "kind")


def counted(links: DataFrame) -> dict[str, Any]:
    """Edges, and the other links by reason."""
    rows = links.groupBy("reason").count().toDF("reason", "n").collect()
    by_reason = {row["reason"]: int(row["n"]) for row in rows}
    edges = by_reason.pop(None, 0)
    return {"links": edges + sum(by_reason.values()), "edges": edges, "drops": by_section(by_reason)["drops"]}


def checked_kinds(kinds: Iterable[str] | None) -> tuple[str, ...]:
    """The link kinds to keep, by default all. Raises DefinitionInvalid for one that does not exist."""
    chosen = tuple(kinds or KINDS)
    unknown = [kind for kind in chosen if kind not in KINDS]
    if unknown:
        raise DefinitionInvalid(f"link_kinds has {', '.join(unknown)}: allowed are {', '.join(KINDS)}")
    return chosen


def launched(job: Job) -> None:
    """Each partition of the run from its own nodes and links."""
    counts = {}
    for key in runs.keys_of(job):
        kinds = checked_kinds(key.definition.get("link_kinds"))
        nodes, links = job.read("nodes_only", "nodes", key=key.key), job.read("edges", "links", key=key.key)
        rows = classified(nodes, links, kinds)
        job.write("graph", graph(rows), key=key.key)
        counts[key.key] = counted(rows)
    runs.say_counts(job, counts)


def by_hand(job: Job, given: Namespace) -> dict[str, Any]:
    """The tables that the steps before left in their folders."""
    kinds = checked_kinds(given.kinds)
    nodes = runs.read_table(job.session, given.nodes, "nodes")
    rows = classified(nodes, runs.read_table(job.session, given.links, "links"), kinds)
    runs.prepare_output(given.out, TABLES, overwrite=given.overwrite)
    job.write("graph", graph(rows))
    return counted(rows)


def arguments() -> ArgumentParser:
    """The arguments for a run by hand."""
    parser = runs.parser("graph", __doc__)
    parser.add_argument("--nodes", metavar="DIR", help="where nodes_only.py wrote")
    parser.add_argument("--links", metavar="DIR", help="where edges.py wrote")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help=f"of {', '.join(KINDS)}; default: all")
    return parser


PAYLOAD = runs.Payload(
    name="graph", arguments=arguments(), required=("nodes", "links", "out"), launched=launched, by_hand=by_hand
)

if __name__ == "__main__":
    sys.exit(runs.run(PAYLOAD))
