"""What Dagster shows beside a materialised `graph_aggr`: picture, distribution, heaviest pairs and key figures."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pyarrow as pa

from web_graph.pictures.degrees import draw_degrees
from web_graph.pictures.drawing import draw_network
from web_graph.pictures.naming import counted
from web_graph.pictures.tables import top_pairs_markdown
from web_graph.research import read_domains

DIALOGUE_WIDTH_PX: Final = 1080
"""What fits without scrolling into the dialogue in which Dagster shows Markdown, in a window of 1440 pixels."""

if TYPE_CHECKING:
    from engineshed.assets.checks import PartitionTables


def illustrate(tables: PartitionTables) -> Mapping[str, dg.MetadataValue[Any]]:
    """Metadata drawn from the tables `graph_aggr` and `degrees` of one partition `<crawl>|<domain>`.

    Raises ValueError where the two tables do not belong together.
    """
    edges, degrees = tables.read("graph_aggr"), tables.read("degrees")
    title, subtitle = describe(edges, degrees, tables.partition)
    possible = degrees.num_rows * (degrees.num_rows - 1)
    return {
        "network": _picture(
            draw_network(edges, degrees, title=title, subtitle=subtitle, width_px=DIALOGUE_WIDTH_PX), title
        ),
        "degree_distribution": _picture(draw_degrees(degrees), "Degree distribution"),
        "top_pairs": dg.MetadataValue.md(top_pairs_markdown(edges, degrees)),
        "organisations": dg.MetadataValue.int(_organisations(degrees)),
        "pairs": dg.MetadataValue.int(edges.num_rows),
        "links": dg.MetadataValue.int(_links(edges)),
        "reciprocal_share": _share(_reciprocal(edges), edges.num_rows),
        "density": _share(edges.num_rows, possible),
    }


def describe(edges: pa.Table, degrees: pa.Table, partition: str | None) -> tuple[str, str]:
    """Title and subtitle of a partition's picture: the question, and the figures of the whole graph.

    The title is that of the research query where the location has a file for it.
    """
    crawl, _, domain = (partition or "").rpartition("|")
    links = _links(edges)
    pages = sum(count or 0 for count in degrees["pages"].to_pylist())
    pairs = counted(edges.num_rows, "pair", "pairs")
    figures = [
        f"{counted(_organisations(degrees), 'organisation', 'organisations')} "
        f"on {counted(degrees.num_rows, 'domain', 'domains')}",
        f"{counted(links, 'link', 'links')} between {pairs}, {_reciprocal(edges):,} of them returned",
        f"from {counted(pages, 'page', 'pages')}",
    ]
    return _title(domain), "  ·  ".join([*([crawl] if crawl else []), *figures])


def _title(domain: str) -> str:
    query = read_domains().get(domain)
    if query is not None:
        return query.title
    return f"Who links to whom among {domain.replace('_', ' ')}" if domain else "Who links to whom"


def _organisations(degrees: pa.Table) -> int:
    """Distinct names; a domain without one counts for itself."""
    named = zip(degrees["organisation"].to_pylist(), degrees["domain"].to_pylist(), strict=True)
    return len({organisation or domain for organisation, domain in named})


def _links(edges: pa.Table) -> int:
    return sum(weight or 0 for weight in edges["weight"].to_pylist())


def _share(part: int, whole: int) -> dg.MetadataValue[Any]:
    return dg.MetadataValue.float(round(part / whole, 4) if whole else 0.0)


def _reciprocal(edges: pa.Table) -> int:
    return sum(bool(value) for value in edges["reciprocal"].to_pylist())


def _picture(png: bytes, text: str) -> dg.MetadataValue[Any]:
    alternative = "".join(char for char in text if char.isalnum() or char in " ,.-")
    return dg.MetadataValue.md(f"![{alternative}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})")
