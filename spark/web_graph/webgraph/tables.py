"""The tables of the web graph: columns, types and meaning in one place, and the rows in between.

Column descriptions live in docs/web_graph.md. What is published carries exactly these columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PAGES: Final = "page_url string, host string, title string, text string, fetched_at timestamp"
LINKS: Final = "src_url string, dst_url string, kind string, rel string, anchor string"
NODES: Final = "domain string, organisation string, url string, host string, sector string, country string"
SEED_DROPS: Final = "row bigint, organisation string, url string, reason string"
GRAPH: Final = "src_url string, dst_url string, src_domain string, dst_domain string, kind string"
GRAPH_AGGR: Final = "src_domain string, dst_domain string, weight bigint, pages bigint, reciprocal boolean"
DEGREES: Final = (
    "domain string, organisation string, in_degree bigint, out_degree bigint, in_weight bigint, out_weight bigint,"
    " pages bigint"
)

_LINK: Final[list[tuple[str, pa.DataType]]] = [
    ("dst_url", pa.string()),
    ("kind", pa.string()),
    ("rel", pa.string()),
    ("anchor", pa.string()),
]
_COUNT: Final[list[tuple[str, pa.DataType]]] = [("reason", pa.string()), ("n", pa.int64())]
_EXTRACTED: Final[list[tuple[str, pa.DataType]]] = [
    ("selection", pa.int32()),
    ("capture", pa.int64()),
    ("page_url", pa.string()),
    ("host", pa.string()),
    ("title", pa.string()),
    ("text", pa.string()),
    ("fetched_at", pa.timestamp("us", tz="UTC")),
    ("links", pa.list_(pa.struct(_LINK))),
    ("counts", pa.list_(pa.struct(_COUNT))),
]
# One row per page and selection it belongs to, links nested; and per task one row that holds only counts.
EXTRACTED: Final = pa.schema(_EXTRACTED)
EXTRACTED_DDL: Final = (
    "selection int, capture bigint, page_url string, host string, title string, text string, fetched_at timestamp,"
    " links array<struct<dst_url:string,kind:string,rel:string,anchor:string>>,"
    " counts array<struct<reason:string,n:bigint>>"
)
SEED_COLUMNS: Final = ("organisation", "url", "sector", "country")


def names(ddl: str) -> list[str]:
    """Column names of one of the flat table definitions above, in order."""
    return [column.split()[0] for column in ddl.split(",")]


def frame(session: SparkSession, rows: Sequence[Mapping[str, Any]], ddl: str) -> DataFrame:
    """Rows as a DataFrame of one of the flat table definitions above. There may be none: an Arrow table would then be
    refused by Spark Connect, whose client looks for a schema in its rows.
    """
    columns = names(ddl)
    return session.createDataFrame([tuple(row[column] for column in columns) for row in rows], ddl)
