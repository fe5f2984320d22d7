"""The part of a web graph that fits one picture, as values: nodes, links, groups, and what had to be left out.

It exists so that drawing decides nothing about the data. It refuses edges whose ends are not in the table of degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import networkx as nx
import pyarrow as pa

from web_graph.pictures.naming import shown_domain, shown_name

MAX_LINKS: Final = 150
COLOURED_GROUPS: Final = 7
_SEED: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One domain. `group` numbers its community from 0 (the most linked), None where it belongs to no coloured one."""

    domain: str
    name: str
    in_weight: int
    out_weight: int
    pages: int
    group: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Links from one node to another; `source` and `target` are positions in `Network.nodes`."""

    source: int
    target: int
    weight: int
    reciprocal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What is drawn, and what is only told: names without any link, and how much of the graph is left out."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    isolated: tuple[str, ...]
    links_left_out: int
    nodes_left_out: int

    def importance(self) -> list[int]:
        """Positions of nodes, the most linked first."""
        return sorted(range(len(self.nodes)), key=lambda i: _rank(self.nodes[i]))

    def leaders(self) -> list[str]:
        """The name of the busiest node of each coloured group, in the order of groups."""
        names: dict[int, str] = {}
        for node in sorted(self.nodes, key=lambda node: (-node.in_weight - node.out_weight, node.domain)):
            if node.group is not None:
                names.setdefault(node.group, node.name)
        return [names[group] for group in sorted(names)]


def read_network(edges: pa.Table, degrees: pa.Table, max_links: int = MAX_LINKS) -> Network:
    """The heaviest links of a graph and their nodes; ties are broken by name, so equal tables give equal networks.

    As long as it fits, each node keeps its heaviest link, so that a small organisation is not hidden by large ones.
    Raises ValueError for an edge whose domain is not in `degrees`.
    """
    known: dict[str, dict[str, Any]] = {row["domain"]: row for row in degrees.to_pylist()}
    rows = edges.to_pylist()
    for row in rows:
        for end in (row["src_domain"], row["dst_domain"]):
            if end not in known:
                raise ValueError(
                    f"The edges name the domain {end!r}, which the table of degrees lacks: draw both "
                    "tables of one partition."
                )
    names = _names(known)
    chosen = _heaviest(rows, max_links)
    domains = sorted({row[end] for row in chosen for end in ("src_domain", "dst_domain")})
    position = {domain: i for i, domain in enumerate(domains)}
    links = tuple(
        Link(
            source=position[row["src_domain"]],
            target=position[row["dst_domain"]],
            weight=row["weight"],
            reciprocal=bool(row["reciprocal"]),
        )
        for row in chosen
    )
    linked = {row[end] for row in rows for end in ("src_domain", "dst_domain")}
    bare = [_node(known[domain], names[domain], None) for domain in domains]
    groups = _groups(bare, links)
    return Network(
        nodes=tuple(_node(known[node.domain], node.name, group) for node, group in zip(bare, groups, strict=True)),
        links=links,
        isolated=tuple(sorted((names[domain] for domain in known if domain not in linked), key=str.casefold)),
        links_left_out=len(rows) - len(chosen),
        nodes_left_out=len(linked) - len(domains),
    )


def _node(row: dict[str, Any], name: str, group: int | None) -> Node:
    return Node(
        domain=row["domain"],
        name=name,
        in_weight=row["in_weight"] or 0,
        out_weight=row["out_weight"] or 0,
        pages=row["pages"] or 0,
        group=group,
    )


def _rank(node: Node) -> tuple[int, int, str]:
    return (-node.in_weight, -node.out_weight, node.domain)


def _names(known: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A label per domain. The most linked domain of an organisation has its name, its others their own."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    by_weight = sorted(known.values(), key=lambda row: (-(row["in_weight"] or 0), row["domain"]))
    for row in by_weight:
        name = shown_name(row["organisation"], row["domain"])
        names[row["domain"]] = shown_domain(row["domain"]) if name in taken else name
        taken.add(name)
    return names


def _heaviest(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """About `limit` links, never one direction of a pair without the other."""
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["src_domain"], row["dst_domain"])):
        low, high = sorted((row["src_domain"], row["dst_domain"]))
        if low != high:
            pairs.setdefault((low, high), []).append(row)
    ordered = sorted(pairs, key=lambda ends: (-max(row["weight"] for row in pairs[ends]), ends))
    seen: set[str] = set()
    first: list[tuple[str, str]] = []
    rest: list[tuple[str, str]] = []
    for ends in ordered:
        (rest if seen.issuperset(ends) else first).append(ends)
        seen.update(ends)
    fits = sum(len(pairs[ends]) for ends in first) <= limit
    chosen: list[dict[str, Any]] = []
    for ends in first + rest if fits else ordered:
        if len(chosen) + len(pairs[ends]) > limit:
            break
        chosen += pairs[ends]
    return chosen


def _groups(nodes: Sequence[Node], links: Iterable[Link]) -> list[int | None]:
    # Nodes are integers, whose order in sets is the same in every process; that of strings is not.
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    for link in links:
        a, b = sorted((link.source, link.target))
        before = graph[a][b]["weight"] if graph.has_edge(a, b) else 0.0
        graph.add_edge(a, b, weight=before + math.log1p(link.weight))
    found = nx.community.louvain_communities(graph, weight="weight", seed=_SEED) if graph.number_of_edges() else []
    large = [sorted(group) for group in found if len(group) >= 3]
    large.sort(key=lambda group: (-sum(nodes[i].in_weight for i in group), group))
    coloured: list[int | None] = [None] * len(nodes)
    for number, group in enumerate(large[:COLOURED_GROUPS]):
        for i in group:
            coloured[i] = number
    return coloured
