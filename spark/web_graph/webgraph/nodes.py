"""Which node a host belongs to, in Spark: the registrable domain is looked up once per distinct host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from webgraph.domains import registrable_domain

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def host_in(url: str) -> str:
    """SQL for the host of a column of serialised http(s) URLs: it ends at the first of these characters."""
    return rf"regexp_extract({url}, '^https?://(?:[^/@]*@)?([^/:?#]+)', 1)"


def nodes_of(hosts: DataFrame, nodes: DataFrame) -> DataFrame:
    """Columns `host, domain` for the distinct ones of a column `host` that belong to a node."""
    known = hosts.distinct().mapInArrow(_domains, "host string, domain string")
    return known.join(nodes.select("domain").distinct(), "domain")


def _domains(frames: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for frame in frames:
        hosts = frame.column(0).to_pylist()
        domains = [registrable_domain(host) if host else None for host in hosts]
        yield pa.record_batch([pa.array(hosts, pa.string()), pa.array(domains, pa.string())], names=["host", "domain"])
